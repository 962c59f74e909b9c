import Consumption
import Testing

@Suite struct BackoffTests {
    @Test func itDoublesUpToItsBoundAndNeverLeavesItsHalf() {
        var (low, high) = (Backoff(random: { 0 }), Backoff(random: { 0.999_999 }))
        var expected = Duration.milliseconds(100)
        for _ in 0..<40 {
            #expect(low.next() == expected / 2)
            let most = high.next()
            #expect(most > expected * 0.99 && most <= expected)
            expected = min(expected * 2, .seconds(30))
        }
        low.reset()
        #expect(low.next() == .milliseconds(50))
    }
}

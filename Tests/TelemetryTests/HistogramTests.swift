import Telemetry
import Testing

@Suite struct HistogramTests {
    @Test func aValueCountsInTheFirstBucketThatHoldsIt() {
        let histogram = Histogram(bounds: [1, 10, 100])
        for value in [0, 1, 2, 10, 11, 100, 101, 5000] { histogram.record(value) }
        #expect(histogram.snapshot.counts == [2, 2, 2, 2])
        #expect(histogram.snapshot.sum == 5225)
        #expect(histogram.snapshot.count == 8)
    }

    @Test func noneIsLostWhenThreadsCountAtOnce() async {
        let histogram = Histogram(bounds: [5, 50])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for value in 0..<1000 { histogram.record(value % 100) } } }
        }
        #expect(histogram.snapshot.counts == [480, 3600, 3920])
        #expect(histogram.snapshot.sum == 8 * 10 * 4950)
    }
}

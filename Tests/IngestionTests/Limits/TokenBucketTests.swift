import Ingestion
import TestSupport
import Testing

@Suite struct TokenBucketTests {
    @Test(arguments: [1, 3, 7, 100, 333, 10_000, 999_983, TokenBucket.eventsPerSecondMax])
    func aTokenFallsAtTheFirstNanosecondThatIsNotBeforeItsTime(_ eventsPerSecond: Int) {
        let bucket = TokenBucket(eventsPerSecond: eventsPerSecond, burstSeconds: 1)
        var random = SeededGenerator(seed: UInt64(eventsPerSecond))
        for step in 0..<10_000 {
            // Of all magnitudes, up to those of 292 years.
            let number = ((random.next() % (UInt64(eventsPerSecond) * 9_000_000_000)) >> (random.next() % 64)) + 1
            let time = bucket.time(of: number)
            let exact = UInt128(number) * 1_000_000_000
            #expect(UInt128(time) * UInt128(eventsPerSecond) >= exact, "step \(step)")
            #expect(UInt128(time - 1) * UInt128(eventsPerSecond) < exact, "step \(step)")
            #expect(bucket.fallen(by: time) >= number)
            #expect(bucket.fallen(by: time - 1) == number - 1)
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func whatIsMissingIsThereAtTheNanosecondThatWasToldAndNotBefore(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bucket = TokenBucket(eventsPerSecond: Int(1 + random.next() % 3000), burstSeconds: 5)
        var fullAt: UInt64 = 0
        var time = random.next() % 1_000_000_000_000
        for _ in 0..<2000 {
            time += random.next() % 200_000_000
            let events = 1 + random.next() % (bucket.capacity * 6 / 5)
            if let taken = bucket.taking(events, fullAt: fullAt, now: bucket.fallen(by: time)) {
                fullAt = taken
                continue
            }
            let until = bucket.time(ofTaking: events, fullAt: fullAt)
            #expect(until > time)
            #expect(bucket.taking(events, fullAt: fullAt, now: bucket.fallen(by: until - 1)) == nil)
            #expect(bucket.taking(events, fullAt: fullAt, now: bucket.fallen(by: until)) != nil)
        }
    }
}

import Dispatch
import Ingestion
import Synchronization
import TestSupport
import Testing

@Suite struct RateLimiterConcurrencyTests {
    /// What 8 threads get taken, each of `requests` for events and a client that `draw` draws.
    private func taken(
        _ limiter: RateLimiter, perAddress: Int, requests: Int = 50_000,
        _ draw: @Sendable (inout SeededGenerator) -> (events: Int, client: Int)
    ) -> [Int: Int] {
        let sums = Mutex<[Int: Int]>([:])
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            var random = SeededGenerator(seed: UInt64(thread))
            var mine: [Int: Int] = [:]
            for _ in 0..<requests {
                let (events, client) = draw(&random)
                if limiter.takes(events, .number(client), perAddress) { mine[client, default: 0] += events }
            }
            sums.withLock { $0.merge(mine, uniquingKeysWith: +) }
        }
        return sums.withLock { $0 }
    }

    @Test func threadsTogetherGetWhatTheGlobalBucketHolds() {
        let limiter = RateLimiter(global: 3_000_000, SetClock(77))
        let taken = taken(limiter, perAddress: 0, requests: 500_000) { _ in (1, 1) }
        #expect(taken == [1: 3_000_000])
        let refusals = limiter.refusals(by: .global)
        #expect(refusals == Refusals(requests: 1_000_000, events: 1_000_000))
    }

    @Test func threadsTogetherGetWhatAnAddressHas() {
        let limiter = RateLimiter(global: 0, SetClock(77))
        let taken = taken(limiter, perAddress: 1000) { random in (1, Int(random.next() % 7)) }
        #expect(taken == Dictionary(uniqueKeysWithValues: (0..<7).map { ($0, 5000) }))
        #expect(limiter.refusals(by: .perIP).requests == 400_000 - 35_000)
    }

    @Test func underBothLimitsNothingIsTakenByHalf() {
        let limiter = RateLimiter(global: 20_000, SetClock(77))
        let taken = taken(limiter, perAddress: 100) { random in (Int(1 + random.next() % 9), Int(random.next() % 60)) }
        #expect(taken.values.allSatisfy { $0 <= 500 })
        let sum = taken.values.reduce(0, +)
        // A request that the addresses refuse would otherwise be missing here, and one that the global bucket refuses there.
        #expect(limiter.drain(.number(100), 0) == 20_000 - sum)
        #expect(sum > 19_980)
        let refusals = limiter.refusals(by: .global).requests + limiter.refusals(by: .perIP).requests
        #expect(refusals > 300_000)
        limiter.checkInvariants()
    }

    @Test func whileTheClockRunsThreadsGetNoMoreThanFlowsIn() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 10_000, addressesMax: 64, clock)
        let taken = taken(limiter, perAddress: 100) { random in
            clock.advance(nanoseconds: random.next() % 50_000)
            return (Int(1 + random.next() % 5), Int(random.next() % 60))
        }
        let seconds = Double(clock.now) / 1e9
        let sum = taken.values.reduce(0, +)
        #expect(Double(sum) <= 10_000 * (1 + seconds))
        // Some of the 60 may have met a shared bucket before they had their own: 500 each at most, and its rate.
        #expect(taken.values.allSatisfy { Double($0) <= 2 * (500 + 100 * seconds) })
        #expect(sum > 10_000)
        limiter.checkInvariants()
    }
}

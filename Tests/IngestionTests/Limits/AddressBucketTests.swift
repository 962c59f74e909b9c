import Ingestion
import TestSupport
import Testing

/// What becomes of addresses when there are more of them than places.
@Suite struct AddressBucketTests {
    /// A limiter of 16 places, all of them taken by the addresses 0 to 15.
    private func crowded(_ clock: SetClock, eventsTaken: Int = 100) -> RateLimiter {
        let limiter = RateLimiter(global: 0, addressesMax: 16, clock)
        for number in 0..<16 { #expect(limiter.takes(eventsTaken, .number(number), 100)) }
        #expect(limiter.addressCount == 16)
        #expect(limiter.sharedRequests == 0)
        return limiter
    }

    @Test func fiveMillionAddressesFillTheTableAndNoMore() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 0, clock)
        let limited = IPAddress("203.0.113.7")!
        #expect(limiter.drain(limited, 100) == 500)
        for number in 0..<5_000_000 { _ = limiter.take(1, from: .number(number), perAddress: 100) }
        #expect(limiter.addressCount == 131_072)
        #expect(limiter.sharedRequests > 4_800_000)
        limiter.checkInvariants()
        // Who was limited still is.
        #expect(limiter.drain(limited, 100) == 0)
        // A token later every bucket but one is full, as good as none, and there is room for all.
        clock.advance(nanoseconds: 10_000_000)
        #expect(limiter.addressCount == 1)
        let before = limiter.sharedRequests
        for number in 0..<20_000 { #expect(limiter.takes(500, .number(5_000_000 + number), 100)) }
        #expect(limiter.sharedRequests == before)
        #expect(limiter.drain(limited, 100) == 1)
        limiter.checkInvariants()
    }

    @Test func manyAddressesThatComeWhileTheClockRunsNeverPassTheBound() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 0, addressesMax: 1000, clock)
        var random = SeededGenerator(seed: 1)
        for step in 0..<200_000 {
            clock.advance(nanoseconds: random.next() % 100_000)
            let network = IPAddress("2001:db8:\(String(random.next() % 0x1_0000, radix: 16))::1")!
            _ = limiter.take(Int(1 + random.next() % 50), from: network, perAddress: 100)
            if step % 5000 == 0 {
                #expect(limiter.addressCount <= 1000)
                limiter.checkInvariants()
            }
        }
        #expect(limiter.addressCount > 900)
    }

    @Test func whoFindsNoPlaceSharesOneBucketWithItsKind() {
        let limiter = crowded(SetClock())
        #expect(limiter.takes(200, .number(100), 100))
        #expect(limiter.takes(200, .number(101), 100))
        #expect(limiter.take(200, from: .number(102), perAddress: 100) == .refused(limit: .perIP, retryAfterSeconds: 1))
        #expect(limiter.drain(.number(103), 100) == 100)
        #expect(limiter.addressCount == 16)
        // Those who have a place have lost nothing by it.
        for number in 0..<16 { #expect(limiter.drain(.number(number), 100) == 400) }
        limiter.checkInvariants()
    }

    @Test func whoIsLimitedGetsNoNewBucketHoweverManyAddressesCome() {
        let clock = SetClock()
        let limiter = crowded(clock, eventsTaken: 500)
        for second in 1...4 {
            clock.advance(seconds: 1)
            for number in 100..<10_000 { _ = limiter.take(1, from: .number(number), perAddress: 100) }
            for number in 0..<16 { #expect(limiter.drain(.number(number), 100) == 100, "second \(second)") }
        }
    }

    @Test func anAddressGetsAPlaceAsSoonAsABucketIsFull() {
        let clock = SetClock()
        let limiter = crowded(clock)
        #expect(limiter.drain(.number(100), 100) == 500)
        clock.advance(nanoseconds: 999_999_999)
        #expect(limiter.drain(.number(101), 100) == 99)
        // All 16 are full now: as many find a place, with a bucket of their own.
        clock.advance(nanoseconds: 1)
        for number in 101..<117 { #expect(limiter.drain(.number(number), 100) == 500) }
        #expect(limiter.drain(.number(117), 100) == 1)
    }

    @Test func oneThatSharesIsToldWhenItWillBeTakenEvenIfThatIsForAFreePlace() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 0, addressesMax: 16, clock)
        for number in 0..<16 { #expect(limiter.takes(number == 9 ? 201 : 500, .number(number), 100)) }
        #expect(limiter.takes(700, .number(100), 100))
        // The shared bucket is full in 7 seconds, and has something in 2.01; the bucket of number 9 is full in 2.01.
        #expect(limiter.take(500, from: .number(101), perAddress: 100) == .refused(limit: .perIP, retryAfterSeconds: 3))
        clock.advance(seconds: 2)
        #expect(!limiter.takes(500, .number(101), 100))
        clock.advance(seconds: 1)
        #expect(limiter.takes(500, .number(101), 100))
    }

    @Test func whatIsSharedHasOneStateForAllLimits() {
        let clock = SetClock()
        let limiter = crowded(clock, eventsTaken: 500)
        #expect(limiter.drain(.number(100), 100) == 500)
        // Empty for those with 10 a second too, and for those with 7; rounding never gives anything away.
        #expect(limiter.drain(.number(100), 10) == 0)
        clock.advance(seconds: 2)
        #expect(limiter.takes(50, .number(101), 100))
        #expect((13...15).contains(limiter.drain(.number(101), 10)))
        #expect(limiter.drain(.number(101), 7) == 0)
        #expect(limiter.drain(.number(101), 100) <= 10)
    }
}

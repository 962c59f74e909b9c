import Ingestion
import TestSupport
import Testing

@Suite struct RateLimiterTests {
    private let address = IPAddress("203.0.113.7")!
    private let other = IPAddress("203.0.113.8")!

    @Test func anAddressHasFiveSecondsOfItsLimitAndThenItsLimit() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 0, clock)
        #expect(limiter.drain(address, 100) == 500)
        clock.advance(seconds: 1)
        #expect(limiter.drain(address, 100) == 100)
        clock.advance(nanoseconds: 9_999_999)
        #expect(limiter.drain(address, 100) == 0)
        clock.advance(nanoseconds: 1)
        #expect(limiter.drain(address, 100) == 1)
        clock.advance(seconds: 3600)
        #expect(limiter.drain(address, 100) == 500)
        #expect(limiter.drain(other, 100) == 500)
    }

    @Test func allTogetherHaveOneSecondOfTheGlobalLimitAndThenTheLimit() {
        let clock = SetClock(1)
        let limiter = RateLimiter(global: 1000, clock)
        for number in 0..<10 { #expect(limiter.takes(100, .number(number), 100)) }
        #expect(limiter.take(1, from: .number(10), perAddress: 100) == .refused(limit: .global, retryAfterSeconds: 1))
        clock.advance(seconds: 1)
        #expect((11..<21).map { limiter.drain(.number($0), 50) } == [250, 250, 250, 250, 0, 0, 0, 0, 0, 0])
    }

    @Test func zeroIsNoLimit() {
        let limiter = RateLimiter(global: 0, SetClock())
        for _ in 0..<1000 { #expect(limiter.takes(10_000, address, 0)) }
        #expect(limiter.takes(.max, address, 0))
        #expect(limiter.addressCount == 0)

        // Without a limit of its own an address still counts for all.
        let global = RateLimiter(global: 1000, SetClock())
        #expect(global.drain(address, 0) == 1000)
        #expect(global.take(1, from: address, perAddress: 0) == .refused(limit: .global, retryAfterSeconds: 1))
        #expect(global.takes(0, address, 0))
    }

    @Test func aRefusedRequestTakesNothingFromEitherBucket() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 1000, clock)
        #expect(limiter.takes(400, address, 100))
        // The address refuses, the global bucket does not.
        for _ in 0..<100 { #expect(!limiter.takes(101, address, 100)) }
        #expect(limiter.takes(500, other, 0))
        // The global bucket, with 100 left, refuses, and the address does not.
        for _ in 0..<100 { #expect(!limiter.takes(101, .number(1), 100)) }
        #expect(limiter.drain(address, 100) == 100)
        #expect(limiter.drain(other, 0) == 0)
        #expect(limiter.addressCount == 1)
        clock.advance(seconds: 1)
        #expect(limiter.drain(.number(1), 100) == 500)
    }

    @Test func theLimitThatIsToldIsTheOneThatMakesTheRequestWaitLonger() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 100, clock)
        #expect(limiter.takes(50, address, 10))
        #expect(limiter.takes(50, other, 0))
        #expect(limiter.take(40, from: address, perAddress: 10) == .refused(limit: .perIP, retryAfterSeconds: 4))
        #expect(limiter.take(9, from: address, perAddress: 10) == .refused(limit: .perIP, retryAfterSeconds: 1))
        #expect(limiter.take(40, from: other, perAddress: 50) == .refused(limit: .global, retryAfterSeconds: 1))
        // 1000 events wait until the bucket is full, and owe ten seconds from then on.
        clock.advance(seconds: 1)
        #expect(limiter.takes(1000, other, 0))
        #expect(limiter.take(40, from: address, perAddress: 10) == .refused(limit: .global, retryAfterSeconds: 10))
        #expect(limiter.refusals(by: .perIP) == Refusals(requests: 2, events: 49))
        #expect(limiter.refusals(by: .global) == Refusals(requests: 2, events: 80))
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func waitingAsLongAsToldIsEnoughAndASecondLessIsNot(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let clock = SetClock(random.next() % 1_000_000_000_000)
        let limiter = RateLimiter(global: Int(1 + random.next() % 50), clock)
        let perAddress = Int(1 + random.next() % 20)
        var told: Set<Int> = []
        for _ in 0..<500 {
            clock.advance(nanoseconds: random.next() % 3_000_000_000)
            let events = Int(1 + random.next() % UInt64(perAddress * 8))
            guard case .refused(_, let seconds) = limiter.take(events, from: address, perAddress: perAddress) else { continue }
            told.insert(seconds)
            clock.advance(seconds: seconds - 1)
            #expect(!limiter.takes(events, address, perAddress))
            clock.advance(seconds: 1)
            #expect(limiter.takes(events, address, perAddress))
        }
        #expect(told.count > 2 && told.min() == 1)
    }

    @Test func aRequestOfMoreThanABucketHoldsIsTakenWhenItIsFullAndPaidOff() {
        let clock = SetClock()
        let limiter = RateLimiter(global: 0, clock)
        #expect(limiter.takes(1, address, 100))
        #expect(limiter.take(1000, from: address, perAddress: 100) == .refused(limit: .perIP, retryAfterSeconds: 1))
        clock.advance(seconds: 1)
        #expect(limiter.takes(1000, address, 100))
        // It owes 500: five seconds for those, and ten until it takes 1000 again.
        #expect(limiter.take(1, from: address, perAddress: 100) == .refused(limit: .perIP, retryAfterSeconds: 6))
        #expect(limiter.take(500, from: address, perAddress: 100) == .refused(limit: .perIP, retryAfterSeconds: 10))
        #expect(limiter.take(1000, from: address, perAddress: 100) == .refused(limit: .perIP, retryAfterSeconds: 10))
        var taken = 1000
        for _ in 0..<1000 {
            clock.advance(seconds: 1)
            if limiter.takes(1000, address, 100) { taken += 1000 }
        }
        #expect(taken == 101_000)
    }

    @Test func keysWithDifferentLimitsHaveBucketsOfTheirOwn() {
        let limiter = RateLimiter(global: 0, SetClock())
        #expect(limiter.drain(address, 10) == 50)
        #expect(limiter.drain(address, 1000) == 5000)
        #expect(limiter.drain(address, 10) == 0)
        #expect(limiter.takes(1_000_000, address, 0))
        #expect(limiter.addressCount == 2)
    }

    @Test func aNetworkOf64BitsIsOneClientAndNoOtherIs() {
        let limiter = RateLimiter(global: 0, SetClock())
        #expect(limiter.takes(300, IPAddress("2001:db8:1:2::1")!, 100))
        #expect(limiter.drain(IPAddress("2001:db8:1:2:ffff:ffff:ffff:ffff")!, 100) == 200)
        #expect(limiter.drain(IPAddress("2001:db8:1:3::1")!, 100) == 500)
        #expect(limiter.drain(IPAddress("::ffff:203.0.113.7")!, 100) == 500)
        #expect(limiter.drain(address, 100) == 0)
        #expect(limiter.drain(other, 100) == 500)
        // A network whose 64 bits are those that stand for the IPv4 address.
        #expect(limiter.drain(IPAddress("0:ffff:cb00:7107::1")!, 100) == 500)
        #expect(limiter.addressCount == 5)
    }

    @Test func aClockThatStandsStillGivesNothingBack() {
        let limiter = RateLimiter(global: 10_000, SetClock(123_456_789))
        #expect(limiter.drain(address, 100) == 500)
        for _ in 0..<100_000 where limiter.takes(1, address, 100) { Issue.record("taken") }
        #expect((0..<100).reduce(0) { $0 + limiter.drain(.number($1), 100) } == 9500)
    }

    @Test(arguments: [1, 7, 100, TokenBucket.eventsPerSecondMax])
    func yearsAheadABucketIsFullAndNotMore(_ eventsPerSecond: Int) {
        let clock = SetClock()
        let limiter = RateLimiter(global: 0, clock)
        let year: UInt64 = 366 * 86_400 * SetClock.second
        for time in [0, year, 100 * year, 290 * year, UInt64.max - 1] {
            clock.now = time
            #expect(limiter.takes(5 * eventsPerSecond - 3, address, eventsPerSecond))
            #expect(limiter.drain(address, eventsPerSecond) == 3)
        }
        // Beyond 2⁶³ ns time stands still.
        clock.now = .max
        #expect(limiter.take(1, from: address, perAddress: eventsPerSecond) == .refused(limit: .perIP, retryAfterSeconds: 1))
        #expect(limiter.takes(.max, other, eventsPerSecond))
        guard case .refused = limiter.take(.max, from: other, perAddress: eventsPerSecond) else {
            Issue.record("taken")
            return
        }
    }

    @Test func aThreadThatLookedAtTheClockLongAgoFindsNothingFuller() {
        let clock = SetClock(100 * SetClock.second)
        let limiter = RateLimiter(global: 1000, addressesMax: 16, clock)
        #expect(limiter.drain(address, 100) == 500)
        clock.advance(seconds: 10)
        // Its bucket is full, and its place taken by others.
        for number in 0..<16 { #expect(limiter.takes(1, .number(number), 100)) }
        clock.now -= 8 * SetClock.second
        #expect(limiter.drain(.number(0), 100) == 499)
        #expect(limiter.takes(1, address, 100))
        #expect(limiter.drain(.number(0), 100) == 0)
    }
}

import Ingestion
import TestSupport
import Testing

/// Random requests, by the limiter and by buckets into which tokens are dropped one by one.
@Suite struct RateLimiterModelTests {
    private struct Request {
        let time: UInt64
        let events: Int
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func theLimiterDecidesAsBucketsInWhichEveryTokenIsDropped(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let clock = SetClock(random.next() % 1_000_000_000_000)
        let global = Int(seed % 5 == 0 ? 0 : 20 + random.next() % 150)
        let limits = (0..<3).map { _ in Int(1 + random.next() % 20) } + [0]
        let limiter = RateLimiter(global: global, clock)

        var globalModel = DrawnBucket(eventsPerSecond: max(global, 1), burstSeconds: 1)
        var models: [[Int]: DrawnBucket] = [:]
        var outcomes: [RateLimiter.Limit?: Int] = [:]
        for step in 0..<3000 {
            // Now and then nothing happens for longer than a bucket needs to be full.
            clock.advance(nanoseconds: random.next() % (random.next() % 100 == 0 ? 20_000_000_000 : 200_000_000))
            let (client, limit) = (Int(random.next() % 5), limits[Int(random.next() % 4)])
            let events = Int(1 + random.next() % (random.next() % 10 == 0 ? 400 : 40))
            var model = models[[client, limit]] ?? DrawnBucket(eventsPerSecond: max(limit, 1), burstSeconds: 5)
            model.wait(until: clock.now)
            globalModel.wait(until: clock.now)

            let decision = limiter.take(events, from: .number(client), perAddress: limit)
            let has = (global: global == 0 || globalModel.has(events), address: limit == 0 || model.has(events))
            if has.global && has.address {
                #expect(decision == .taken, "step \(step)")
                globalModel.take(events)
                model.take(events)
                outcomes[nil, default: 0] += 1
            } else if case .refused(let refusing, let seconds) = decision {
                #expect(refusing == .global ? !has.global : !has.address, "step \(step)")
                outcomes[refusing, default: 0] += 1
                var later = (global: globalModel, address: model)
                for second in 1...min(max(seconds, 1), 1000) {
                    later.global.wait(until: clock.now + UInt64(second) * SetClock.second)
                    later.address.wait(until: clock.now + UInt64(second) * SetClock.second)
                    let isThere = (global == 0 || later.global.has(events)) && (limit == 0 || later.address.has(events))
                    #expect(isThere == (second == seconds), "step \(step), second \(second) of \(seconds)")
                    if isThere { break }
                }
            } else {
                Issue.record("step \(step): taken, which no bucket has room for")
            }
            models[[client, limit]] = model
        }
        limiter.checkInvariants()
        // All of it has happened, or little would have been seen.
        #expect(outcomes[nil, default: 0] > 100 && outcomes[.perIP, default: 0] > 20, "\(outcomes)")
        #expect(global == 0 || outcomes[.global, default: 0] > 20, "\(outcomes)")
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func noSpanOfTimeHasMoreThanTheCapacityAndWhatFlowsInAndOne(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let clock = SetClock(random.next() % 1_000_000_000_000)
        let limiter = RateLimiter(global: 0, clock)
        let limit = Int(1 + random.next() % 50)
        var taken: [Request] = []
        var offered = 0
        for _ in 0..<3000 {
            clock.advance(nanoseconds: random.next() % 300_000_000)
            let events = Int(1 + random.next() % UInt64(limit))
            offered += events
            if limiter.takes(events, .number(1), limit) { taken.append(Request(time: clock.now, events: events)) }
        }
        var most = 0.0
        for first in taken.indices {
            var sum = 0
            for request in taken[first...] {
                sum += request.events
                let flowedIn = Double(request.time - taken[first].time) / 1e9 * Double(limit)
                most = max(most, Double(sum) - flowedIn)
            }
        }
        #expect(most <= Double(5 * limit + 1))
        // And that is used where there is enough to take.
        if offered > taken.reduce(0, { $0 + $1.events }) { #expect(most > Double(4 * limit)) }
    }
}

import Consumption
import EventLog
import EventModel
import Foundation
import Projections
import TestSupport
import Testing

@Suite struct SessionsTests {
    private let minute: Int64 = 60_000

    /// Starts and ends, by session: "s 0" is a start, "s 0 12.5" an end with its duration.
    private func expect(_ harness: SessionsHarness, _ expected: [String], _ location: SourceLocation = #_sourceLocation) throws {
        let told = try harness.told()
        #expect(
            told.map { [$0.sessionId, $0.event, $0.duration.map { "\($0)" }].compactMap { $0 }.joined(separator: " ") }
                == expected,
            sourceLocation: location)
        #expect(Set(told.map(\.messageId)).count == told.count, sourceLocation: location)
    }

    @Test func aSessionStartsAtOnceAndEndsWhenNothingCameForItsTimeout() async throws {
        let harness = SessionsHarness()
        harness.log.append([
            .event(user: "u", session: "s", time: 0), .event(anonymous: "a", time: 1),
            .event(user: "u", session: "s", time: 90_500),
        ])
        try await harness.run(at: 90_500 + SessionsHarness.timeout + SessionsHarness.delay)
        try expect(harness, ["s session.started"])
        try await harness.run(at: 90_500 + SessionsHarness.timeout + SessionsHarness.delay + 1)
        try expect(harness, ["s session.started", "s session.ended 90.5"])
        let told = try harness.told()
        #expect(told.map(\.userId) == ["u", "u"])
        #expect(told.map(\.timestamp) == ["1970-01-01T00:00:00.000Z", "1970-01-01T00:01:30.500Z"])
        #expect(told[0].messageId.count == 36)
        #expect(told[0].messageId.split(separator: "-")[2].first == "8")
    }

    @Test func itGoesOverPartitionsAndIsOfWhoBeganIt() async throws {
        let harness = SessionsHarness(partitionCount: 12)
        harness.log.append([.event(anonymous: "a", session: "s", time: 0)])
        harness.log.append([.event(user: "u", anonymous: "a", session: "s", time: 20 * minute)])
        harness.log.append([.event(anonymous: "b", session: "s", time: 40 * minute)])
        try await harness.run(at: 1000 * minute)
        try expect(harness, ["s session.started", "s session.ended 2400.0"])
        #expect(try harness.told().allSatisfy { $0.userId == nil && $0.anonymousId == "a" })
    }

    @Test func idsMayHaveAnyCharacter() async throws {
        let harness = SessionsHarness()
        for (number, id) in ["a\u{0}b", "a", "\u{E9}", "e\u{301}", "\"\\\n\u{7F}"].enumerated() {
            harness.log.append([.event(user: id, anonymous: id + "!", session: id, time: Int64(number))])
        }
        try await harness.run(at: 1000 * minute)
        let told = try harness.told()
        #expect(told.count == 10)
        // Swift's strings are equal where Unicode says that they are.
        #expect(Set(told.map { Array($0.sessionId.utf8) }).count == 5)
        #expect(
            told.allSatisfy { Array($0.sessionId.utf8) == Array(($0.userId ?? "").utf8) && $0.anonymousId == $0.sessionId + "!" })
    }

    @Test func whatComesLaterReopensNothing() async throws {
        let harness = SessionsHarness()
        harness.log.append([.event(user: "u", session: "s", time: 0)])
        // Read together with the others or after the end was told: the same.
        for isTold in [false, true] {
            if isTold { try await harness.run(at: 31 * minute + SessionsHarness.delay) }
            harness.log.append([
                .event(user: "u", session: "s", time: 31 * minute), .event(user: "v", session: "s", time: 40 * minute),
            ])
            try await harness.run(at: 1000 * minute)
            try expect(harness, ["s session.started", "s session.ended 0.0"])
        }
    }

    @Test func timeIsTheEventsOwnUpToWhenItWasReceived() async throws {
        let harness = SessionsHarness(partitionCount: 1)
        harness.log.append([
            .event(user: "u", session: "s", said: "1970-01-01T00:50:00Z", time: 60 * minute),
            .event(user: "u", session: "s", said: "1970-01-01T00:55:30Z", time: 60 * minute),
            // Ahead of its time.
            .event(user: "u", session: "t", said: "2100-01-01T00:00:00Z", time: 60 * minute),
            .event(user: "u", session: "t", said: "no time", time: 61 * minute),
        ])
        try await harness.run(at: 1000 * minute)
        try expect(harness, ["t session.started", "t session.ended 60.0", "s session.started", "s session.ended 330.0"])
    }

    @Test func whatWasDoneWithoutANetworkIsOneSessionToo() async throws {
        let harness = SessionsHarness()
        // Received a day later, one after the other.
        for number in 0..<30 as Range<Int64> {
            harness.log.append([
                .event(
                    user: "u", session: "s", said: "1970-01-01T00:\(10 + number):00.000Z", time: 1440 * minute + number * 1000)
            ])
        }
        try await harness.run(at: 1440 * minute + 30_000)
        try expect(harness, ["s session.started"])
        try await harness.run(at: 1442 * minute)
        try expect(harness, ["s session.started", "s session.ended 1740.0"])
    }

    @Test func nothingEndsBeforeEverythingThatWasReceivedIsTaken() async throws {
        let harness = SessionsHarness(partitionCount: 1)
        harness.log.append([.event(user: "u", session: "s", time: 0)])
        try await harness.run(at: 10 * minute)
        // Acknowledged, and not at rest: the disk has no room.
        harness.log.append([.event(user: "u", session: "s", time: 20 * minute)], to: 0, settling: false)
        let bounds = try harness.log.bounds(of: TopicPartition(harness.log.topic.name, PartitionID(0)))
        let sessions = Sessions(
            folder: harness.folder.path, topic: harness.log.topic, hasher: HistoryHarness.hasher,
            timeout: SessionsHarness.timeout,
            delay: SessionsHarness.delay, now: { 1_000_000_000 }, onAnew: { _ in })
        _ = try await sessions.resume([bounds])
        try await sessions.caughtUp([bounds])
        #expect(try harness.rows("SELECT 1 FROM sessions WHERE due IS NULL").isEmpty)
        sessions.close()
        try await harness.run(at: 1000 * minute)
        try expect(harness, ["s session.started", "s session.ended 1200.0"])
    }

    @Test func anotherTimeoutMakesTheFileAnewAndTellsNothingTwice() async throws {
        let harness = SessionsHarness()
        harness.log.append([.event(user: "u", session: "s", time: 0), .event(user: "u", session: "t", time: minute)])
        try await harness.run(at: 1000 * minute)
        try harness.removeFiles()
        try await harness.run(at: 1000 * minute)
        try expect(harness, ["t session.started", "t session.ended 0.0", "s session.started", "s session.ended 0.0"])
        #expect(try harness.rows("SELECT * FROM outbox_found").isEmpty)
    }

    /// A crash behind the append and before the outbox knows of it.
    @Test func whatTheLogHasIsNotAppendedAgain() async throws {
        let harness = SessionsHarness()
        for number in 0..<700 { harness.log.append([.event(user: "u\(number)", session: "s\(number)", time: 0)]) }
        harness.publishes = false
        try await harness.run(at: 1000 * minute)
        let before = try Data(contentsOf: URL(fileURLWithPath: harness.file))
        harness.publishes = true
        for _ in 0..<3 {
            try await harness.run(at: 1000 * minute)
            #expect(harness.derived.records().count == 1400)
            try harness.removeFiles()
            try before.write(to: URL(fileURLWithPath: harness.file))
        }
    }

    /// A power cut took what was not synced.
    @Test func whatTheTopicHasLostIsToldAgain() async throws {
        let harness = SessionsHarness()
        for number in 0..<50 { harness.log.append([.event(user: "u\(number)", session: "s\(number)", time: 0)]) }
        try await harness.run(at: 1000 * minute)
        let told = try harness.told()
        harness.derived = MemoryLog(partitionCount: 2, name: "derived")
        for record in told.prefix(30) {
            harness.derived.append([
                .init(
                    key: record.userId ?? "", value: String(decoding: try JSONEncoder().encode(record), as: UTF8.self),
                    event: record.event,
                    messageID: record.messageId)
            ])
        }
        try await harness.run(at: 1000 * minute)
        #expect(try harness.told() == told)
    }

    @Test func anAppendThatFailsIsMadeAgainAndOneThatOnlySeemedToIsNot() async throws {
        let harness = SessionsHarness()
        for number in 0..<700 { harness.log.append([.event(user: "u\(number)", session: "s\(number)", time: 0)]) }
        harness.derived.failAppends(storing: [false, true, true, false])
        try await harness.run(at: 1000 * minute)
        let ids = try harness.told().map(\.messageId)
        #expect(ids.count == 1400)
        #expect(Set(ids).count == 1400)
    }

    /// Random events, read as they come, with stops and rebuilds, against all of them sorted by when they were received.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func theTableFollowsFromTheLogAlone(_ seed: UInt64) async throws {
        var chance = SeededGenerator(seed: seed)
        let harness = SessionsHarness(partitionCount: 3)
        var now: Int64 = 0
        var events: [(session: String, received: Int64, said: Int64)] = []
        for round in 0..<6 {
            for _ in 0..<Int.random(in: 1..<120, using: &chance) {
                now += Int64.random(in: 0..<400_000, using: &chance)
                let said = Bool.random(using: &chance) ? now : max(0, now - Int64.random(in: 0..<4_000_000, using: &chance))
                let session = "s\(Int.random(in: round * 3..<round * 3 + 6, using: &chance))"
                events.append((session, now, said))
                harness.log.append([
                    .event(
                        user: "u\(Int.random(in: 0..<9, using: &chance))", session: session,
                        said: Timestamp.text(said), time: now)
                ])
            }
            if Bool.random(using: &chance) { try harness.removeFiles() }
            try await harness.run(at: now, readingAtOnce: 1)
        }
        try await harness.run(at: now + 100_000_000)
        let (content, told) = (try harness.content(), try harness.told())
        try harness.removeFiles()
        try await harness.run(at: now + 100_000_000, readingAtOnce: 1)
        #expect(try harness.content() == content)
        #expect(try harness.told() == told)
        #expect(Set(told.map(\.messageId)).count == told.count)
        var expected: [String: Double] = [:]
        for (session, all) in Dictionary(grouping: events, by: \.session) {
            var (first, last, until) = (Int64.max, Int64.min, Int64.max)
            for event in all where event.received <= until {
                (first, last) = (min(first, event.said), max(last, event.said))
                let end = max(event.said + SessionsHarness.timeout, event.received + 60_000)
                until = until == .max ? end : max(until, end)
            }
            expected[session] = Double(last - first) / 1000
        }
        let durations = told.compactMap { told in told.duration.map { (told.sessionId, $0) } }
        #expect(Dictionary(uniqueKeysWithValues: durations) == expected)
        #expect(told.count == 2 * expected.count)
    }
}

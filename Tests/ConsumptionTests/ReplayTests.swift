import Consumption
import EventLog
import EventModel
import RecordFormat
import TestSupport
import Testing

@Suite struct ReplayTests {
    @Test func aCopyHasEveryRecordAsItWas() async throws {
        let harness = ReplayHarness()
        harness.fill(500)
        let progress = try await harness.run(try await harness.plan())
        #expect(progress.state == .done && progress.problem == nil)
        #expect(
            progress.readCount == 500 && progress.matchedCount == 500 && progress.writtenCount == 500 && progress.missedCount == 0
        )
        #expect(progress.matched == [ExactText("a"): 250, ExactText("b"): 250])
        let copied = harness.copy.records()
        func byID(_ records: [MemoryLog.Record]) -> [MemoryLog.Record] { records.sorted { $0.messageID < $1.messageID } }
        // The time is that at which it was written.
        #expect(copied.allSatisfy { $0.timestamp == 1000 })
        let expected = harness.source.records().map { record in
            var record = record
            record.timestamp = 1000
            return record
        }
        #expect(byID(copied) == byID(expected))
        // Of each user in the order in which they came.
        for user in 0..<10 {
            func order(_ records: [MemoryLog.Record]) -> [String] { records.filter { $0.key == "u\(user)" }.map(\.messageID) }
            #expect(order(copied) == order(expected))
        }
    }

    @Test func itSaysWhereARecordComesFrom() async throws {
        let harness = ReplayHarness(partitionCount: 1, copyPartitionCount: 1)
        harness.fill(3)
        _ = try await harness.run(try await harness.plan(.init(start: .offsets([0: 1]), end: .latest)))
        let bytes = try await harness.copy.read(
            TopicPartition(harness.copy.topic.name, PartitionID(0)), from: .zero, maximumBytes: 10_000)
        let records = InflatedBatches(bytes)
        var headers: [[String]] = []
        for place in 0..<records.count {
            records.withRecord(at: place) { record in
                var all: [String] = []
                record.forEachHeader {
                    all.append(String(decoding: $0, as: UTF8.self) + "=" + String(decoding: $1!, as: UTF8.self))
                }
                headers.append(all)
            }
        }
        #expect(
            headers == [
                ["event=b", "messageId=m1", "replayId=r", "replayPartition=0", "replayOffset=1"],
                ["event=a", "messageId=m2", "replayId=r", "replayPartition=0", "replayOffset=2"],
            ])
    }

    @Test func aCopyOfACopyComesFromTheCopy() async throws {
        let harness = ReplayHarness(partitionCount: 1, copyPartitionCount: 1)
        harness.fill(5)
        _ = try await harness.run(try await harness.plan())
        // From here on the copy is what is replayed.
        let again = MemoryLog(partitionCount: 1, name: "again")
        let store = ReplayHarness.Store()
        let queue = ReplayQueue(
            topic: harness.copy.topic, log: harness.copy, store: store,
            makeTarget: { _ throws(ReplayImpossible) in TopicTarget(topic: again.topic.name, log: again, now: { 2000 }) },
            now: { 8 })
        let plan = ReplayPlan(id: "second", createdAt: 2, source: harness.copy.topic.name, ranges: [0..<5], target: "topic:again")
        try await queue.submit(plan)
        try await harness.running(queue) { try await harness.wait(queue, "second") { $0.state == .done } }
        let target = TopicTarget(topic: again.topic.name, log: again, now: { 0 })
        let (second, first) = (try await target.written(by: "second", since: [0]), try await target.written(by: "r", since: [0]))
        #expect(second == Set((0..<5).map { ReplayPlace(partition: 0, offset: $0) }) && first.isEmpty)
    }

    @Test func filtersAndBoundsLeaveTheRestOut() async throws {
        func copied(_ bounds: ReplayBounds, events: [String] = [], user: String? = nil) async throws -> [String] {
            let harness = ReplayHarness()
            harness.fill(200)
            // A key of the same letters is not the user.
            harness.source.append([
                .init(key: "u3", timestamp: 150, value: "{\"anonymousId\":\"u3\"}", event: "a", messageID: "anonymous")
            ])
            let progress = try await harness.run(try await harness.plan(bounds, events: events, user: user))
            #expect(progress.state == .done && Int(progress.writtenCount) == harness.copied.count)
            return harness.copied.sorted()
        }
        func all(_ condition: (Int) -> Bool) -> [String] { (0..<200).filter(condition).map { "m\($0)" }.sorted() }
        let everything = ReplayBounds(start: .earliest, end: .latest)
        #expect(try await copied(everything, events: ["a"]) == (all { $0 % 2 == 0 } + ["anonymous"]).sorted())
        #expect(try await copied(everything, events: ["a", "b"]).count == 201)
        #expect(try await copied(everything, events: ["c"]) == [])
        #expect(try await copied(everything, user: "u3") == all { $0 % 10 == 3 })
        #expect(try await copied(everything, events: ["a"], user: "u3") == [])
        #expect(try await copied(.init(start: .time(50), end: .time(90))) == all { (50..<90).contains($0) })
        #expect(try await copied(.init(start: .time(5000), end: .latest)) == [])
        #expect(try await copied(.init(start: .earliest, end: .time(0))) == [])
    }

    @Test func offsetsAreOfPartitions() async throws {
        let harness = ReplayHarness(partitionCount: 2)
        for partition in 0..<2 {
            harness.source.append((0..<10).map { .init(key: "k", messageID: "\(partition):\($0)") }, to: partition)
        }
        func ranges(_ start: ReplayBounds.Start, _ end: ReplayBounds.End) async throws -> [Range<Int64>] {
            try await ReplayBounds(start: start, end: end).ranges(of: harness.source.topic, in: harness.source)
        }
        #expect(try await ranges(.offsets([1: 4]), .latest) == [10..<10, 4..<10])
        #expect(try await ranges(.earliest, .offsets([0: 3])) == [0..<3, 0..<10])
        #expect(try await ranges(.offsets([0: 2, 1: 10]), .offsets([0: 5])) == [2..<5, 10..<10])
        for (start, end) in [
            (ReplayBounds.Start.offsets([2: 0]), ReplayBounds.End.latest), (.offsets([0: 11]), .latest),
            (.earliest, .offsets([0: 11])),
            (.offsets([0: 5]), .offsets([0: 4])), (.earliest, .offsets([7: 4])),
        ] {
            await #expect(throws: ReplayBounds.Refusal.self) { _ = try await ranges(start, end) }
        }
    }

    @Test func aDryRunCountsAndWritesNothing() async throws {
        let harness = ReplayHarness()
        harness.fill(300)
        let progress = try await harness.run(
            try await harness.plan(events: ["b"], target: "", eventsPerSecond: 1, isDry: true))
        #expect(
            progress.state == .done && progress.readCount == 300 && progress.matchedCount == 150 && progress.writtenCount == 0)
        #expect(harness.copied.isEmpty)
    }

    @Test func whatIsNotThereIsCounted() async throws {
        let harness = ReplayHarness(partitionCount: 1)
        harness.fill(100)
        harness.source.lose(7, of: 0)
        harness.fill(100, from: 200)
        let plan = try await harness.plan()
        harness.source.retain(from: 100, of: 0)
        let progress = try await harness.run(plan)
        #expect(progress.missedCount == 107 && progress.writtenCount == 100 && harness.copied.count == 100)
    }

    @Test func whatAPartitionDoesNotServeUntilItIsRecoveredIsWaitedFor() async throws {
        let harness = ReplayHarness(partitionCount: 2)
        harness.fill(200)
        let plan = try await harness.plan()
        harness.source.seal(1, true)
        let queue = harness.queue()
        try await queue.submit(plan)
        try await harness.running(queue) {
            try await harness.wait(queue, plan.id) { $0.problem?.contains("recovered") == true }
            harness.source.seal(1, false)
            try await harness.wait(queue, plan.id) { $0.state.hasEnded }
        }
        let progress = try #require(queue.replay(plan.id)).progress
        #expect(progress.state == .done && progress.missedCount == 0 && progress.problem == nil)
        #expect(harness.copied.count == 200 && Set(harness.copied).count == 200)
    }

    @Test func aTargetThatThereIsNotEndsIt() async throws {
        let harness = ReplayHarness()
        harness.fill(1)
        for target in ["clickhouse", "topic:other"] {
            let progress = try await harness.run(try await harness.plan(id: target, target: target))
            #expect(progress.state == .failed && progress.problem != nil)
        }
    }

    @Test func namesBeyondTheFirstHundredAreCountedTogether() async throws {
        let harness = ReplayHarness()
        harness.fill(300, events: (0..<150).map { "event \($0)" })
        let progress = try await harness.run(try await harness.plan(isDry: true))
        #expect(progress.matched.count == ReplayProgress.namesMax + 1)
        #expect(progress.matched[ExactText("")] == 100)
    }
}

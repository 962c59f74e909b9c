import EventLog
import LogStorage
import TestSupport
import Testing

/// Who is told that the log has grown.
@Suite struct LogGrowthTests {
    private let later = TopicDefinition(name: TopicName("later")!, partitionCount: 2, keepsIdentities: false)

    private func appendAndSettle(to log: EmbeddedLog, _ topic: TopicName) async throws {
        let handle = try #require(log.topic(named: topic)).handle
        let receipt = await log.append(LogContents.group([(0, "a")], timestamp: 7, hasher: log.identityHasher) { (handle, $0) })
        #expect(receipt.failures.isEmpty)
        try await log.settle(TopicPartition(topic, PartitionID(0)))
    }

    @Test func whoFollowsOneTopicIsNotToldOfAnother() async throws {
        let harness = LogHarness()
        let log = try harness.open()
        defer { log.close() }
        // Somebody may follow a topic before it is there.
        let (ofLater, ofOther) = (log.growth(of: later.name), log.growth(of: harness.topic))
        try await log.make(later)
        try await appendAndSettle(to: log, later.name)
        #expect((ofLater.count, ofOther.count, log.growth.count) == (1, 0, 1))
        try await appendAndSettle(to: log, harness.topic)
        #expect((ofLater.count, ofOther.count, log.growth.count) == (1, 1, 2))
    }

    @Test func whoFollowsATopicThatIsDeletedIsWokenAndAnotherOfItsNameHasItsOwnSignal() async throws {
        let harness = LogHarness()
        let log = try harness.open()
        defer { log.close() }
        try await log.make(later)
        let old = log.growth(of: later.name)
        async let woken: Void = old.wait(beyond: 0)
        try await log.delete(later.name)
        await woken
        #expect(old.count == 1)
        try await log.make(later)
        try await appendAndSettle(to: log, later.name)
        #expect(old.count == 1 && log.growth(of: later.name).count == 1)
    }
}

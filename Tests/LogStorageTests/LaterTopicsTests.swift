import EventLog
import Foundation
import LogStorage
import RecordFormat
import TestSupport
import Testing

/// Topics that are made while the log runs; the simulation makes some too, with crashes.
@Suite struct LaterTopicsTests {
    private let later = TopicDefinition(name: TopicName("later")!, partitionCount: 3, keepsIdentities: false)

    private func group(_ values: [String], _ log: EmbeddedLog) throws -> RecordGroup {
        let handle = try #require(log.topic(named: later.name)).handle
        return LogContents.group(
            values.enumerated().map { ($0 % later.partitionCount, $1) }, timestamp: 7, hasher: log.identityHasher
        ) { (handle, $0) }
    }

    @Test func oneTakesRecordsAtOnceAndHasThemAfterARestart() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        _ = await harness.append([(0, "before"), (1, "before")], to: log)
        #expect(log.topic(named: later.name) == nil)
        try await log.make(later)
        try await log.make(later)
        let receipt = await log.append(try group(["a", "b", "c", "d"], log))
        #expect(receipt.failures.isEmpty && receipt.offsets == [0, 0, 0, 1])
        _ = await harness.append([(0, "behind"), (1, "behind")], to: log)
        log.close()
        log = try harness.open()
        defer { log.close() }
        #expect(log.topics.map(\.name.text) == ["t", "later"])
        let first = TopicPartition(later.name, PartitionID(0))
        #expect(try log.bounds(of: first).highWatermark.value == 2)
        let values = InflatedBatches(try await log.read(first, from: .zero, maximumBytes: 1000))
        #expect(
            (0..<values.count).map { values.withRecord(at: $0) { String(decoding: $0.value!, as: UTF8.self) } } == ["a", "d"])
        #expect(try await harness.readAll(log, 0).map(\.value) == ["before", "behind"])
    }

    @Test func anotherNumberOfPartitionsIsRefused() async throws {
        let harness = LogHarness()
        let log = try harness.open()
        defer { log.close() }
        try await log.make(later)
        for name in [later.name, harness.topic] {
            let error = await #expect(throws: LogError.self) {
                try await log.make(TopicDefinition(name: name, partitionCount: 5, keepsIdentities: false))
            }
            #expect(error?.code == .invalidArgument && error?.message.contains("not 5") == true)
        }
    }

    @Test func oneCannotBecomeTheTopicOfWhichIdentitiesAreKept() async throws {
        let harness = LogHarness()
        let log = try harness.open()
        try await log.make(later)
        log.close()
        let error = #expect(throws: LogError.self) {
            _ = try EmbeddedLog.open(
                LogDirectory(harness.directory.file("log")),
                topics: [TopicDefinition(name: later.name, partitionCount: later.partitionCount, keepsIdentities: true)],
                options: harness.options)
        }
        #expect(error?.code == .invalidArgument && error?.message.contains("Kafka.Topic") == true)
    }

    /// Another key would make every event of before unknown to the look for duplicates.
    @Test func theKeyStaysWhereItsFileWasRemoved() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        let key = log.identityHasher.key
        let path = harness.directory.file("log/meta.properties")
        try FileManager.default.removeItem(atPath: path)
        try await log.make(later)
        log.close()
        log = try harness.open()
        #expect(log.identityHasher.key == key)
        #expect(log.topics.map(\.name.text) == ["t", "later"])

        // Somebody puts another's there.
        let other = LogMeta(identityKey: SipHash128.Key(k0: 1, k1: 2), topics: log.topics)
        try Data(other.encoded()).write(to: URL(fileURLWithPath: path))
        let error = await #expect(throws: LogError.self) {
            try await log.make(TopicDefinition(name: TopicName("more")!, partitionCount: 1, keepsIdentities: false))
        }
        #expect(error?.code == .damaged && error?.message.contains("meta.properties") == true)
        log.close()
    }

    @Test func manyAreMadeAtOnceWhileRecordsCome() async throws {
        let harness = LogHarness()
        let log = try harness.open()
        defer { log.close() }
        // More than the journal has files for, without new recovery points.
        let count = 40
        await withTaskGroup(of: Void.self) { tasks in
            for number in 0..<count {
                tasks.addTask {
                    // Each name twice.
                    let name = TopicName("topic-\(number / 2)")!
                    do {
                        try await log.make(TopicDefinition(name: name, partitionCount: 2, keepsIdentities: false))
                        let handle = log.topic(named: name)!.handle
                        for value in 0..<20 {
                            let group = LogContents.group(
                                [(value % 2, "\(number) \(value)")], timestamp: 1, hasher: log.identityHasher
                            ) {
                                (handle, $0)
                            }
                            let receipt = await log.append(group)
                            #expect(receipt.failures.isEmpty)
                        }
                    } catch {
                        Issue.record("\(error)")
                    }
                }
            }
            for number in 0..<50 { _ = await harness.append([(number % 2, "v\(number)")], to: log) }
        }
        for number in 0..<count / 2 {
            for partition in 0..<2 {
                let place = TopicPartition(TopicName("topic-\(number)")!, PartitionID(partition))
                #expect(try log.bounds(of: place).highWatermark.value == 20)
            }
        }
        #expect(try await harness.readAll(log, 0).count == 25)
    }

    @Test func whereTheJournalCannotGoOnNoneIsMadeAndThereIsOneLater() async throws {
        let harness = LogHarness()
        let log = try harness.open()
        defer { log.close() }
        _ = await harness.append([(0, "before")], to: log)
        // The head of the journal's next file.
        harness.fileSystem.fail(.write, path: ".journal")
        let error = await #expect(throws: LogError.self) { try await log.make(later) }
        #expect(error?.code == .io && log.troubles.isEmpty)
        harness.fileSystem.heal()
        #expect(log.topic(named: later.name) == nil)
        let kept = await harness.append([(0, "between")], to: log)
        #expect(kept.failures.isEmpty)
        try await log.make(later)
        let receipt = await log.append(try group(["a"], log))
        #expect(receipt.offsets == [0])
    }
}

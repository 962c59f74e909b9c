import EventLog
import LogStorage
import RecordFormat
import TestSupport
import Testing

/// Topics and records that somebody wants gone; the simulation brings crashes over them.
@Suite struct DeletingTests {
    private let later = TopicDefinition(
        name: TopicName("later")!, partitionCount: 2, keepsIdentities: false, wholeBatches: .created)

    private func append(_ values: [String], to log: EmbeddedLog) async throws -> AppendReceipt {
        let handle = try #require(log.topic(named: later.name)).handle
        return await log.append(
            LogContents.group(values.map { (0, $0) }, timestamp: 7, hasher: log.identityHasher) { (handle, $0) })
    }

    @Test func aTopicGoesWithItsFilesAndAnotherOneMayHaveItsName() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        try await log.make(later)
        let old = try #require(log.topic(named: later.name)).handle
        #expect(try await append(["a", "b"], to: log).offsets == [0, 1])
        try await log.delete(later.name)
        #expect(log.topic(named: later.name) == nil && log.topics.map(\.name) == [harness.topic])
        #expect(throws: LogError.self) { try log.bounds(of: TopicPartition(later.name, PartitionID(0))) }
        // Somebody still holds the handle.
        let late = await log.append(
            LogContents.group([(0, "late")], timestamp: 7, hasher: log.identityHasher) { (old, $0) })
        #expect(late.offsets == [-1] && late.failures.first?.code == .unknownTopic)
        let error = await #expect(throws: LogError.self) { try await log.delete(later.name) }
        #expect(error?.code == .unknownTopic)
        try await log.make(TopicDefinition(name: later.name, partitionCount: 3, keepsIdentities: false))
        #expect(try await append(["c"], to: log).offsets == [0])
        _ = await harness.append([(0, "other")], to: log)
        log.close()
        log = try harness.open()
        defer { log.close() }
        #expect(log.topic(named: later.name)?.partitionCount == 3)
        let found = try LogContents.read(try log.log(of: TopicPartition(later.name, PartitionID(0))), maximumBytes: 1 << 20)
        #expect(found.records.map(\.value) == ["c"] && found.holes.isEmpty)
        #expect(try await harness.readAll(log, 0).map(\.value) == ["other"])
    }

    @Test func recordsGoAndTheOffsetsStay() async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = LogOptions.segmentBytesMin
        var log = try harness.open()
        for number in 0..<40 {
            _ = await harness.append([(0, "\(number)" + String(repeating: "x", count: 20_000 + number))], to: log)
        }
        let first = harness.partition(0)
        let before = log.sizes[0]
        #expect(try await log.deleteRecords(of: first, before: 25) == 25)
        #expect(try await log.deleteRecords(of: first, before: 3) == 25)
        for offset in [Int64(-1), 41] {
            let error = await #expect(throws: LogError.self) { try await log.deleteRecords(of: first, before: offset) }
            #expect(error?.code == .offsetOutOfRange)
        }
        #expect(log.sizes[0].segmentCount < before.segmentCount || before.segmentCount == 1)
        for _ in 0..<2 {
            #expect(try log.bounds(of: first).start.value == 25)
            let error = await #expect(throws: LogError.self) { try await log.read(first, from: Offset(24), maximumBytes: 100) }
            #expect(error?.code == .offsetOutOfRange)
            #expect(try await harness.readAll(log, 0, from: 25).map(\.offset) == Array(25..<40))
            #expect(try await log.offset(first, atOrAfter: 0)?.value == 25)
            log.close()
            log = try harness.open()
        }
        #expect(try await log.deleteRecords(of: first, before: 40) == 40)
        #expect(try await log.read(first, from: Offset(40), maximumBytes: 100).isEmpty)
        #expect(await harness.append([(0, "next")], to: log).offsets == [40])
        log.close()
        #expect(try harness.verify().isEmpty)
    }
}

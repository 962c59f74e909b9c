import EventLog
import Foundation
import LogStorage
import RecordFormat
import Synchronization
import TestSupport

/// A log in a folder of its own, and what a test does with it.
final class LogHarness: @unchecked Sendable {
    // Sendable: configured before the log is opened, then only read; the clock is locked.

    let directory = TemporaryDirectory()
    let fileSystem = FaultyFileSystem()
    let topic = TopicName("t")!
    var options = LogOptions()
    var partitionCount = 2
    let clock = Mutex<Int64>(1_769_000_000_000)

    init() {
        options.workerThreads = 4
        // Each append makes its own batches, so that a test knows what stands where.
        options.lingerMilliseconds = 0
        // A slow machine must not bring a checkpoint into a test that counts calls.
        options.checkpointIntervalMilliseconds = 3_600_000
        options.retentionIntervalMilliseconds = 3_600_000
    }

    func open() throws -> EmbeddedLog {
        try EmbeddedLog.open(
            LogDirectory(directory.file("log"), fileSystem: fileSystem),
            topics: [TopicDefinition(name: topic, partitionCount: partitionCount, keepsIdentities: true)],
            options: options, now: { [self] in clock.withLock { $0 } })
    }

    func partition(_ number: Int) -> TopicPartition { TopicPartition(topic, PartitionID(number)) }

    func folder(_ number: Int) -> String { directory.file("log/\(partition(number))") }

    func segment(_ base: Int64, _ suffix: String, partition: Int = 0) -> String {
        "\(folder(partition))/\(FileNames.segment(base, suffix))"
    }

    func bytes(_ path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map { Array($0) } ?? [] }

    func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    /// A group of records, each `(partition, value)`, with the value as messageId too.
    func group(_ records: [(Int, String)], log: EmbeddedLog, timestamp: Int64? = nil) -> RecordGroup {
        LogContents.group(
            records.map { (partition: $0.0, value: $0.1) }, timestamp: timestamp ?? clock.withLock { $0 },
            hasher: log.identityHasher)
    }

    func append(_ records: [(Int, String)], to log: EmbeddedLog, timestamp: Int64? = nil) async -> AppendReceipt {
        let receipt = await log.append(group(records, log: log, timestamp: timestamp))
        // The receipt comes before the batches are written.
        for number in 0..<partitionCount where options.lingerMilliseconds == 0 {
            if let partition = try? log.log(of: partition(number)) { try? log.flush(partition) }
        }
        return receipt
    }

    struct Read: Equatable {
        var offset: Int64
        var timestamp: Int64
        var value: String
    }

    /// Everything that the partition serves from `offset` on, checksums checked.
    func readAll(_ log: EmbeddedLog, _ number: Int, from offset: Int64 = 0, maximumBytes: Int = 5000) async throws -> [Read] {
        var found: [Read] = []
        var next = offset
        var reader = RecordBatchReader()
        while true {
            let bytes = try await log.read(partition(number), from: Offset(next), maximumBytes: maximumBytes)
            if bytes.isEmpty { return found }
            try bytes.withUnsafeBytes { bytes in
                var position = 0
                while position < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
                    let header = try RecordBatchReader.checkedHeader(rest)
                    try reader.forEachRecord(in: rest, header: header) { record in
                        guard record.offset >= offset else { return }
                        found.append(
                            Read(
                                offset: record.offset, timestamp: record.timestamp,
                                value: String(decoding: record.value!, as: UTF8.self)))
                    }
                    position += header.totalBytes
                    next = header.nextOffset
                }
            }
        }
    }

    func verify() throws -> [LogVerifier.Finding] {
        let directory = LogDirectory(directory.file("log"))
        let verifier = LogVerifier(directory, meta: try LogInspector(directory).meta(), isInUse: false)
        return try (0..<partitionCount).flatMap {
            try verifier.verify(partition($0), keepsIdentities: true) { _ in }.findings
        }
    }
}

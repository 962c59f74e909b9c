import EventLog
import Foundation
import LogStorage
import RecordFormat

/// Reads a log's partitions from their beginnings, a megabyte at a time, and looks at every record.
struct Reading {
    private let directory: String
    private let topic: TopicName

    init(_ directory: String, _ options: [String: String]) {
        guard let topic = options["topic"].flatMap({ TopicName($0) }) else { LogBench.end() }
        self.directory = directory
        self.topic = topic
    }

    private struct Count {
        var records = 0
        var uncompressedBytes = 0
        var fileBytes = 0
    }

    func run() async throws {
        guard let definition = try LogInspector(LogDirectory(directory)).meta().topics.first(where: { $0.name == topic }) else {
            LogBench.end()
        }
        let log = try EmbeddedLog.open(LogDirectory(directory), topics: [definition], options: LogOptions())
        var count = Count()
        let clock = ContinuousClock()
        let (started, cpuBefore) = (clock.now, LogBench.cpuSeconds())
        for number in 0..<definition.partitionCount { try await read(TopicPartition(topic, PartitionID(number)), log, &count) }
        let (seconds, cpu) = ((clock.now - started) / .seconds(1), LogBench.cpuSeconds() - cpuBefore)
        log.close()
        print(
            """
            {"records":\(count.records),"uncompressed_bytes":\(count.uncompressedBytes),"file_bytes":\(count.fileBytes),\
            "seconds":\(seconds),"cpu_s":\(cpu)}
            """)
    }

    private func read(_ partition: TopicPartition, _ log: EmbeddedLog, _ count: inout Count) async throws {
        var next = try log.bounds(of: partition).start
        var reader = RecordBatchReader()
        while true {
            let bytes = try await log.read(partition, from: next, maximumBytes: 1 << 20)
            if bytes.isEmpty { return }
            count.fileBytes += bytes.count
            try bytes.withUnsafeBytes { bytes in
                var position = 0
                while position < bytes.count {
                    let batch = UnsafeRawBufferPointer(rebasing: bytes[position...])
                    let header = try RecordBatchHeader(reading: batch)
                    try reader.forEachRecord(in: batch, header: header) { record in
                        count.records += 1
                        count.uncompressedBytes += (record.key?.count ?? 0) + (record.value?.count ?? 0) + record.headerByteCount
                    }
                    position += header.totalBytes
                    next = Offset(header.nextOffset)
                }
            }
        }
    }
}

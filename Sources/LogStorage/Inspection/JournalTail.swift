internal import EventLog
internal import RecordFormat

/// The newest records, as the journal has them: those of a log that was not closed, or is in use, may stand nowhere else yet.
///
/// To be read before the segments: what a service moves from here to there meanwhile is then found twice, and not missed.
package struct JournalTail: Sendable {
    struct Record: Sendable {
        let offset: Int64
        let timestamp: Int64
        /// Its `RecordBody`.
        let body: [UInt8]
    }

    private let records: [TopicPartition: [Record]]
    /// For each partition the offset behind the last record.
    private let ends: [TopicPartition: Int64]

    /// - Parameter partition: the one whose records are wanted; nil: only the ends are.
    init(_ directory: LogDirectory, recordsOf partition: TopicPartition?) throws(LogError) {
        let sequence = try directory.recoveryPoints().journalSequence
        guard let meta = try directory.meta() else {
            (records, ends) = ([:], [:])
            return
        }
        do throws(FileError) {
            func read() throws(FileError) -> JournalFiles {
                try JournalFiles(
                    path: directory.journalPath, fileSystem: directory.fileSystem, access: .readOnly, from: sequence,
                    meta: meta)
            }
            var journal = try read()
            defer { journal.close() }
            // A service may have written behind what was read of one file, and then in the next: what is missing is there by now.
            for _ in 0..<3 where journal.hasGap {
                journal.close()
                journal = try read()
            }
            var found: [Record] = []
            for entry in partition == nil ? [] : journal.entries {
                try journal.forEachRecord(of: entry) { place, head, body in
                    guard place == partition else { return }
                    if head.isWholeBatch { return found += Self.records(of: head, body) }
                    found.append(Record(offset: head.offset, timestamp: head.timestamp, body: Array(body)))
                }
            }
            records = partition.map { [$0: found] } ?? [:]
            ends = journal.offsets.mapValues(\.upperBound)
        } catch {
            throw LogError(.io, error.description)
        }
    }

    /// Those of a batch that came whole.
    private static func records(of head: JournalFormat.RecordHead, _ batch: UnsafeRawBufferPointer) -> [Record] {
        guard var header = try? RecordBatchHeader(reading: batch) else { return [] }
        header.baseOffset = head.offset
        var reader = RecordBatchReader()
        var found: [Record] = []
        try? reader.forEachRecord(in: batch, header: header) { record in
            var body = GrowableBytes()
            record.append(bodyTo: &body)
            found.append(Record(offset: record.offset, timestamp: record.timestamp, body: Array(copying: body)))
        }
        return found
    }

    func end(of partition: TopicPartition) -> Int64 { ends[partition] ?? 0 }

    /// Whether all of these records are there, and there are some.
    func has(_ offsets: Range<Int64>, of partition: TopicPartition) -> Bool {
        let found = records(of: partition, from: offsets.lowerBound).prefix(offsets.count)
        return !offsets.isEmpty && found.count == offsets.count && zip(found, offsets).allSatisfy { $0.offset == $1 }
    }

    /// The records from `offset` on, in order.
    func records(of partition: TopicPartition, from offset: Int64) -> [Record] {
        (records[partition] ?? []).filter { $0.offset >= offset }
    }
}

internal import EventLog
internal import RecordFormat

/// A batch that came whole, on its way to a segment.
struct WholeBatch {
    let group: BatchGroup
    let entry: BatchGroup.Entry
    /// The time of all its records, in milliseconds since 1970; nil: each has the one that it came with.
    let appendTime: Int64?

    /// Kafka's attribute bit for records that have the time of their append.
    private static let appendTimeAttribute: Int16 = 8

    var byteCount: Int { entry.header.totalBytes }

    /// Its head as it will be written.
    func header(at baseOffset: Int64) -> RecordBatchHeader {
        var header = entry.header
        header.baseOffset = baseOffset
        header.partitionLeaderEpoch = 0
        if let appendTime {
            header.attributes |= Self.appendTimeAttribute
            header.maxTimestamp = appendTime
        } else {
            header.attributes &= ~Self.appendTimeAttribute
        }
        return header
    }

    /// Appends the batch to `output`; returns its head as written.
    func write(at baseOffset: Int64, to output: inout GrowableBytes) -> RecordBatchHeader {
        let start = output.count
        output.append(copying: group.batch(of: entry))
        var header = header(at: baseOffset)
        // What the checksum covers is mostly as it came.
        if header.attributes != entry.header.attributes || header.maxTimestamp != entry.header.maxTimestamp {
            header.seal(output.base + start, byteCount: byteCount)
        } else {
            header.write(to: output.base + start)
        }
        return header
    }
}

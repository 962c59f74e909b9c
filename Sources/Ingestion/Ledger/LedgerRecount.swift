internal import EventModel
package import RecordFormat

/// Counts records of the log that the ledger's figures do not hold yet.
package struct LedgerRecount: ~Copyable {
    package private(set) var counts = LedgerCounts(partitionCount: 0)
    private let outcome: LedgerTally.Outcome
    private var reader = RecordBatchReader()

    /// - Parameter partition: as `LedgerCounts.positions` numbers them.
    package init(partition: Int, rawPartitionCount: Int) { outcome = partition < rawPartitionCount ? .stored : .rejected }

    /// Counts those records of whole batches whose offsets are in a range, and returns the offset behind them. Where a batch cannot be
    /// decoded, those before it are counted.
    package mutating func add(_ batches: [UInt8], _ range: Range<Int64>) throws(RecordFormatError) -> Int64 {
        var (start, next) = (0, range.lowerBound)
        while start < batches.count, next < range.upperBound {
            var found: [(key: String, type: String?)] = []
            let read = batches.withUnsafeBytes { bytes in
                Result { () throws(RecordFormatError) in
                    let batch = UnsafeRawBufferPointer(rebasing: bytes[start...])
                    let header = try RecordBatchHeader(reading: batch)
                    try reader.forEachRecord(in: batch, header: header) { record in
                        guard range.contains(record.offset) else { return }
                        // As it was counted when it came: a rejected one may be called anything.
                        let type = record.header("event").flatMap { EnvelopeRules.isEventName($0) ? $0 : nil }
                        found.append(
                            (
                                record.header("writeKey").map { String(decoding: $0, as: UTF8.self) } ?? "",
                                type.map { String(decoding: $0, as: UTF8.self) }
                            ))
                    }
                    return (offset: header.nextOffset, byteCount: header.totalBytes)
                }
            }
            let behind = try read.get()
            for (key, type) in found {
                let type = type.map { counts.type($0) } ?? 0
                counts.add(outcome, key: counts.key(key), type: type)
            }
            next = min(behind.offset, range.upperBound)
            start += behind.byteCount
        }
        return next
    }
}

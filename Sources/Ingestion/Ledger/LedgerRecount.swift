package import RecordFormat

/// Counts records of the log that the ledger's figures do not hold yet: those that came after they were last kept.
package struct LedgerRecount: ~Copyable {
    package private(set) var counts: LedgerCounts
    private let rawPartitionCount: Int
    private var reader = RecordBatchReader()

    package init(_ counts: LedgerCounts, rawPartitionCount: Int) {
        self.counts = counts
        self.rawPartitionCount = rawPartitionCount
    }

    /// Counts the records of whole batches of partition `partition` (as `LedgerCounts.positions` numbers them) from its position
    /// on, and moves that behind them.
    package mutating func add(_ batches: [UInt8], partition: Int) throws(RecordFormatError) {
        let outcome: LedgerTally.Outcome = partition < rawPartitionCount ? .stored : .rejected
        var start = 0
        while start < batches.count {
            var found: [(key: String, type: String?)] = []
            let position = counts.positions[partition]
            let read = batches.withUnsafeBytes { bytes in
                Result { () throws(RecordFormatError) in
                    let batch = UnsafeRawBufferPointer(rebasing: bytes[start...])
                    let header = try RecordBatchHeader(reading: batch)
                    try reader.forEachRecord(in: batch, header: header) { record in
                        if record.offset < position { return }
                        func text(_ name: StaticString) -> String? {
                            record.header(name).map { String(decoding: $0, as: UTF8.self) }
                        }
                        found.append((text("writeKey") ?? "", text("event")))
                    }
                    return (offset: header.nextOffset, byteCount: header.totalBytes)
                }
            }
            let next = try read.get()
            for (key, type) in found {
                let type = type.map { counts.type($0) } ?? 0
                counts.add(outcome, key: counts.key(key), type: type)
            }
            counts.advance(partition, to: next.offset)
            start += next.byteCount
        }
    }
}

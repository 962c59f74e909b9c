/// Record batches opened once, for many readers: their records inflated and found, and what could not be read of them. Nothing changes
/// once it is made.
public final class InflatedBatches: @unchecked Sendable {
    // Sendable: the views point into `bytes`, which nobody writes to after the initializer.

    /// Offsets that have no record here.
    public struct Gap: Equatable, Sendable {
        public let offsets: Range<Int64>
        /// For an operator.
        public let reason: String

        public init(offsets: Range<Int64>, reason: String) {
            self.offsets = offsets
            self.reason = reason
        }
    }

    /// Bytes that can be read behind each record, for a JSON parser that looks ahead.
    public static let readableBytesBehind = 64

    private let bytes: GrowableBytes
    private var records: [RecordView] = []
    /// In order.
    public private(set) var gaps: [Gap] = []
    /// The offset behind all of them; nil where there is no batch.
    public private(set) var nextOffset: Int64?
    /// What they take in memory.
    public var byteCount: Int { bytes.capacity + records.capacity * MemoryLayout<RecordView>.stride }

    /// - Parameters:
    ///   - batches: whole batches whose checksums hold, one behind the other, as a log gives them. One that does not open all the
    ///     same is a gap; what follows bytes that are no batch is left out.
    ///   - inflatedBytesMax: once they take so many, the batches behind are left out; the first is never.
    public init(_ batches: [UInt8], inflatedBytesMax: Int = .max) {
        var inflated = GrowableBytes(capacity: min(batches.count * 6, inflatedBytesMax) + Self.readableBytesBehind)
        let opened = Self.inflate(batches, to: &inflated, max: inflatedBytesMax)
        inflated.reserve(Self.readableBytesBehind)
            .initializeMemory(as: UInt8.self, repeating: 0, count: Self.readableBytesBehind)
        bytes = inflated
        for batch in opened { find(batch) }
    }

    private struct Opened {
        let header: RecordBatchHeader
        /// Where its records are; or why not.
        let records: Result<Range<Int>, RecordFormatError>
        let hole: String?
    }

    private static func inflate(_ batches: [UInt8], to inflated: inout GrowableBytes, max: Int) -> [Opened] {
        var reader = RecordBatchReader()
        var opened: [Opened] = []
        batches.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count, position == 0 || inflated.count < max {
                let batch = UnsafeRawBufferPointer(rebasing: bytes[position...])
                guard let header = try? RecordBatchHeader(reading: batch), header.totalBytes <= batch.count else { break }
                let start = inflated.count
                let records = Result { () throws(RecordFormatError) in
                    try reader.inflate(batch, header: header, appendingTo: &inflated)
                    return start..<inflated.count
                }
                opened.append(
                    Opened(
                        header: header, records: records,
                        hole: header.isControlBatch ? hole(batch, header) : nil))
                position += header.totalBytes
            }
        }
        return opened
    }

    private static func hole(_ batch: UnsafeRawBufferPointer, _ header: RecordBatchHeader) -> String {
        HoleMarker.reason(in: UnsafeRawBufferPointer(rebasing: batch[..<header.totalBytes])) ?? "a control batch"
    }

    private func find(_ batch: Opened) {
        let offsets = batch.header.baseOffset..<batch.header.nextOffset
        nextOffset = offsets.upperBound
        if let hole = batch.hole { return gaps.append(Gap(offsets: offsets, reason: hole)) }
        let found = records.count
        do throws(RecordFormatError) {
            let range = try batch.records.get()
            try RecordBatchReader.forEachRecord(
                inRecords: UnsafeRawBufferPointer(rebasing: bytes.bytes[range]), header: batch.header
            ) { records.append($0) }
        } catch {
            // Half a batch would be a batch of which nobody knows where it ends.
            records.removeSubrange(found...)
            gaps.append(Gap(offsets: offsets, reason: "the batch cannot be opened: \(error)"))
        }
    }

    // MARK: Records

    public var count: Int { records.count }

    /// The place of the first record at `offset` or behind it; `count` where there is none.
    public func place(atOrAfter offset: Int64) -> Int {
        var (low, high) = (0, records.count)
        while low < high {
            let middle = (low + high) / 2
            if records[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    public func offset(at place: Int) -> Int64 { records[place].offset }
    public func timestamp(at place: Int) -> Int64 { records[place].timestamp }

    /// Calls `body` with the record at `place`, whose bytes must not be kept.
    @inline(__always)
    public func withRecord<Success, Failure: Error>(
        at place: Int, _ body: (RecordView) throws(Failure) -> Success
    ) throws(Failure) -> Success {
        defer { withExtendedLifetime(self) {} }
        return try body(records[place])
    }
}

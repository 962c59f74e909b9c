/// Collects record bodies and turns them into one record batch v2. Reused batch after batch; it keeps its memory.
public struct RecordBatchBuilder: ~Copyable {
    public enum Codec: Int16, Sendable {
        case none = 0
        case lz4 = 3
    }

    private var records: GrowableBytes
    private var baseTimestamp: Int64 = 0
    private var maxTimestamp: Int64 = 0
    public private(set) var recordCount = 0

    public init(capacity: Int = 0) { records = GrowableBytes(capacity: capacity) }

    /// The uncompressed records so far, in bytes.
    public var recordBytes: Int { records.count }

    /// Adds a record whose key, value and headers are `body` (see `RecordBody`), created at `timestamp`
    /// (milliseconds since 1970).
    public mutating func append(body: UnsafeRawBufferPointer, timestamp: Int64) {
        if recordCount == 0 {
            baseTimestamp = timestamp
            maxTimestamp = timestamp
        } else if timestamp > maxTimestamp {
            maxTimestamp = timestamp
        }
        let timestampDelta = timestamp - baseTimestamp
        let offsetDelta = Int64(recordCount)
        // The attributes byte is always 0.
        let length = 1 + Varint.byteCount(timestampDelta) + Varint.byteCount(offsetDelta) + body.count
        var target = records.reserve(Self.recordBytesMax(bodyBytes: body.count))
        let start = target
        target += Varint.write(Int64(length), to: target)
        target.storeBytes(of: 0, as: UInt8.self)
        target += 1
        target += Varint.write(timestampDelta, to: target)
        target += Varint.write(offsetDelta, to: target)
        if body.count > 0 { target.copyMemory(from: body.baseAddress!, byteCount: body.count) }
        records.advance(by: target + body.count - start)
        recordCount += 1
    }

    /// Forgets the records so far.
    public mutating func removeAll() {
        records.removeAll()
        recordCount = 0
    }

    /// A point to go back to.
    public struct Mark: Sendable {
        fileprivate let recordBytes: Int
        fileprivate let recordCount: Int
        fileprivate let maxTimestamp: Int64
    }

    public var mark: Mark { Mark(recordBytes: records.count, recordCount: recordCount, maxTimestamp: maxTimestamp) }

    /// Forgets what was appended since `mark` was taken, of the same batch.
    public mutating func truncate(to mark: Mark) {
        precondition(mark.recordCount <= recordCount && mark.recordBytes <= records.count)
        records.count = mark.recordBytes
        recordCount = mark.recordCount
        maxTimestamp = mark.maxTimestamp
    }

    /// The most that a record of so many bytes of body takes.
    public static func recordBytesMax(bodyBytes: Int) -> Int { 3 * Varint.byteCountMax + 1 + bodyBytes }

    /// Appends the finished batch to `output` and empties the builder.
    ///
    /// - Returns: the batch's head as written, checksum included.
    public mutating func finish(
        baseOffset: Int64, partitionLeaderEpoch: Int32, codec: Codec, appendingTo output: inout GrowableBytes
    ) -> RecordBatchHeader {
        precondition(recordCount > 0, "a batch holds at least one record")
        let start = output.count
        _ = output.reserve(RecordBatchHeader.byteCount)
        output.advance(by: RecordBatchHeader.byteCount)
        switch codec {
        case .none: output.append(copying: records.bytes)
        case .lz4: LZ4Frame.compress(records.bytes, appendingTo: &output)
        }
        let total = output.count - start
        var header = RecordBatchHeader(
            baseOffset: baseOffset, batchLength: Int32(total - RecordBatchHeader.lengthPrefix),
            partitionLeaderEpoch: partitionLeaderEpoch, attributes: codec.rawValue, recordCount: Int32(recordCount),
            baseTimestamp: baseTimestamp, maxTimestamp: maxTimestamp)
        header.seal(output.base + start, byteCount: total)
        removeAll()
        return header
    }
}

/// A control batch that stands where records were lost: it takes their offsets, so that those behind it stay what they are.
///
/// Kafka's clients skip control batches of types they do not know and go on behind their last offset. So a log with holes
/// is still a log that every one of them reads. The batch holds one record, uncompressed: key `version i16 = 0, type i16`, and
/// as value a sentence for humans, filled up with blanks to the size asked for. The record's two lengths are varints padded to
/// five bytes, so that every size from `byteCountMin` on can be made.
public enum HoleMarker {
    /// The control record's type. Kafka's own count from 0.
    public static let controlType: Int16 = 0x4F4B
    /// Kafka's attribute bit for control batches.
    static let controlAttribute: Int16 = 0x20
    /// The most offsets that one marker can take.
    public static let offsetsMax = Int64(Int32.max)

    private static let paddedVarintBytes = 5
    /// Record length, attributes, timestampDelta; the offsetDelta's varint; key length and key, value length, no headers.
    private static func recordOverhead(_ offsetDelta: Int64) -> Int {
        paddedVarintBytes + 1 + 1 + Varint.byteCount(offsetDelta) + 1 + 4 + paddedVarintBytes + 1
    }

    /// The smallest marker for so many offsets, in bytes.
    public static func byteCountMin(offsetCount: Int64) -> Int {
        RecordBatchHeader.byteCount + recordOverhead(offsetCount - 1)
    }

    /// A marker for `offsets`, in exactly `byteCount` bytes; nil: as many as `reason` needs.
    public static func batch(
        offsets: Range<Int64>, timestamp: Int64, byteCount: Int? = nil, reason: String
    ) -> [UInt8] {
        precondition(!offsets.isEmpty && Int64(offsets.count) <= offsetsMax)
        let delta = Int64(offsets.count) - 1
        let smallest = byteCountMin(offsetCount: Int64(offsets.count))
        let total = byteCount ?? (smallest + reason.utf8.count)
        precondition(total >= smallest && total - RecordBatchHeader.lengthPrefix <= RecordBatchHeader.batchBytesMax)
        let valueBytes = total - smallest
        let recordBytes = total - RecordBatchHeader.byteCount - paddedVarintBytes

        var bytes = GrowableBytes(capacity: total)
        _ = bytes.reserve(total)
        bytes.advance(by: RecordBatchHeader.byteCount)
        append(padded: Int64(recordBytes), to: &bytes)
        bytes.append(0)
        bytes.append(varint: 0)
        bytes.append(varint: delta)
        bytes.append(varint: 4)
        bytes.append(bigEndian: Int16(0))
        bytes.append(bigEndian: controlType)
        append(padded: Int64(valueBytes), to: &bytes)
        let text = Array(reason.utf8.prefix(valueBytes))
        text.withUnsafeBytes { bytes.append(copying: $0) }
        for _ in text.count..<valueBytes { bytes.append(UInt8(ascii: " ")) }
        bytes.append(varint: 0)
        precondition(bytes.count == total)

        var header = RecordBatchHeader(
            baseOffset: offsets.lowerBound, batchLength: Int32(total - RecordBatchHeader.lengthPrefix),
            partitionLeaderEpoch: 0, attributes: controlAttribute, recordCount: 1, baseTimestamp: timestamp,
            maxTimestamp: timestamp)
        header.lastOffsetDelta = Int32(delta)
        header.seal(bytes.base, byteCount: total)
        return Array(copying: bytes)
    }

    /// The sentence in a marker; nil where the batch is another kind of control batch.
    public static func reason(in batch: UnsafeRawBufferPointer) -> String? {
        var position = RecordBatchHeader.byteCount
        guard batch.count > position, Varint.read(batch, at: &position) != nil else { return nil }
        position += 1
        guard Varint.read(batch, at: &position) != nil, Varint.read(batch, at: &position) != nil,
            Varint.read(batch, at: &position) == 4, position + 4 <= batch.count,
            Int16(bigEndian: batch.loadUnaligned(fromByteOffset: position + 2, as: Int16.self)) == controlType
        else { return nil }
        position += 4
        guard let count = Varint.read(batch, at: &position), count >= 0, count <= Int64(batch.count - position) else {
            return nil
        }
        let text = String(decoding: batch[position..<position + Int(count)], as: UTF8.self)
        return String(text.reversed().drop { $0 == " " }.reversed())
    }

    /// A varint with continuation bits up to its fifth byte: decoders take it, and its size does not depend on the value.
    private static func append(padded value: Int64, to bytes: inout GrowableBytes) {
        var rest = UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
        precondition(rest < 1 << 35)
        for place in 0..<paddedVarintBytes {
            bytes.append(UInt8(rest & 0x7F) | (place < paddedVarintBytes - 1 ? 0x80 : 0))
            rest >>= 7
        }
    }
}

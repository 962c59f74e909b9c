internal import RecordFormat

/// Bytes of a `.log` that are not the batches that were written there.
package struct DamagedRegion: Sendable, Equatable {
    /// Where in the file. Empty where the file ends too early.
    package let bytes: Range<Int>
    /// The offsets that should be there.
    package let offsets: Range<Int64>
    package let reason: String
    /// A time that lies between those of the neighbours, in milliseconds since 1970.
    let timestamp: Int64
    /// The batch that was there, where only its head's first 17 bytes had changed; nil: the records are lost.
    let mended: [UInt8]?

    /// The head of the batch that was there, as it must have been.
    var mendedHeader: RecordBatchHeader? {
        mended.flatMap { batch in batch.withUnsafeBytes { try? RecordBatchHeader(reading: $0) } }
    }

    /// The offsets whose records are gone.
    package var lostOffsets: Range<Int64> {
        mended == nil ? offsets : offsets.upperBound..<offsets.upperBound
    }

    package var description: String {
        let what =
            lostOffsets.isEmpty
            ? "no record is lost" : "the records of offsets \(offsets.lowerBound) to \(offsets.upperBound - 1) are lost"
        return "damage in bytes \(bytes.lowerBound) to \(bytes.upperBound) (\(reason)): \(what)"
    }

    /// What a reader gets in its place: the mended batch, or a marker whose offsets begin at `offset` or before. Empty where
    /// no offset is concerned.
    func substitute(from offset: Int64) -> [UInt8] {
        if let mended { return mended }
        let first = max(offset, offsets.lowerBound)
        guard first < offsets.upperBound else { return [] }
        let end = min(offsets.upperBound, first + HoleMarker.offsetsMax)
        return HoleMarker.batch(offsets: first..<end, timestamp: timestamp, reason: reason)
    }

    /// The sizes and offsets of batches that fill exactly the region's bytes and take exactly its offsets; nil where there are
    /// none such.
    func filling() -> [(offsets: Range<Int64>, byteCount: Int)]? {
        if mended != nil { return [(offsets, bytes.count)] }
        guard !offsets.isEmpty, Int64(offsets.count) <= HoleMarker.offsetsMax else { return nil }
        let pieces = min(offsets.count, (bytes.count + Self.pieceBytes - 1) / Self.pieceBytes)
        guard pieces > 0, bytes.count / pieces + 1 < RecordBatchHeader.batchBytesMax else { return nil }
        var batches: [(offsets: Range<Int64>, byteCount: Int)] = []
        var left = bytes.count
        var offset = offsets.lowerBound
        for piece in 0..<pieces {
            let byteCount = left / (pieces - piece)
            let end = piece == pieces - 1 ? offsets.upperBound : offset + 1
            guard byteCount >= HoleMarker.byteCountMin(offsetCount: end - offset) else { return nil }
            batches.append((offset..<end, byteCount))
            left -= byteCount
            offset = end
        }
        return batches
    }

    /// The bytes of one of the batches that fill the region.
    func fill(_ offsets: Range<Int64>, byteCount: Int) -> [UInt8] {
        mended ?? HoleMarker.batch(offsets: offsets, timestamp: timestamp, byteCount: byteCount, reason: reason)
    }

    /// The marker is filled up to the size of what it replaces; above this it is several, so that no reader gets a huge one.
    private static let pieceBytes = 1 << 20
}

/// Restores a batch whose head's first 17 bytes have changed: no checksum covers them, but all of them follow from the
/// neighbours. Base offset and length are known, epoch and magic are constants, and the checksum says whether the rest is whole.
enum HeadMending {
    /// Larger batches are not mended, so that a start with much damage takes no memory for it. Ours are far smaller.
    static let batchBytesMax = 4 << 20

    /// The batch that fills `bytes` from `offset` on; nil where they hold anything else. Its offsets must end at
    /// `nextOffset`, where that is known.
    static func mended(_ bytes: [UInt8], offset: Int64, nextOffset: Int64?) -> [UInt8]? {
        guard (RecordBatchHeader.byteCount...batchBytesMax).contains(bytes.count) else { return nil }
        var batch = bytes
        batch.replaceSubrange(0..<17, with: head(offset: offset, byteCount: bytes.count))
        guard let header = batch.withUnsafeBytes({ try? RecordBatchReader.checkedHeader($0) }),
            header.totalBytes == bytes.count, nextOffset.map({ $0 == header.nextOffset }) ?? true
        else { return nil }
        return batch
    }

    /// Base offset, length, epoch and magic.
    private static func head(offset: Int64, byteCount: Int) -> [UInt8] {
        var head: [UInt8] = []
        head.append(bigEndian: offset)
        head.append(bigEndian: Int32(byteCount - RecordBatchHeader.lengthPrefix))
        head.append(bigEndian: Int32(0))
        head.append(UInt8(RecordBatchHeader.magic))
        return head
    }
}

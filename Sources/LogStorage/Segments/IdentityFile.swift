internal import EventLog

/// The `.ids` file beside a segment: the identity of each record that has one. A cache: it follows from the segment alone.
///
/// It is a row of blocks (`IdentityBlock`). Block k covers the `IdentityBlock.offsetsMax` offsets from `base + k * offsetsMax` on,
/// the last one of a closed segment what is left.
enum IdentityFile {
    /// Enough to see whether a file goes on behind the log's end: a block more than there are offsets for.
    static func byteCountMax(offsetCount: Int64) -> Int {
        (Int(offsetCount / IdentityBlock.offsetsMax) + 2) * IdentityBlock.byteCountMax
    }

    /// What a file's valid beginning says.
    struct Contents {
        var entries: [StoredIdentity] = []
        /// The first offset that no valid block covers.
        var coveredEnd: Int64
        var validBytes = 0
        /// The file's length; what is behind `validBytes` is not ours.
        var fileBytes = 0

        /// Forgets what was read: it does not belong to this segment.
        mutating func restart(at base: Int64) {
            entries = []
            coveredEnd = base
            validBytes = 0
        }
    }

    /// Reads blocks as long as they are whole, follow each other, were made under this key and do not reach behind `end`.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, segmentBase: Int64, hasher: RecordIdentityHasher, upTo end: Int64 = .max
    ) -> Contents {
        var contents = Contents(coveredEnd: segmentBase, fileBytes: bytes.count)
        while let block = IdentityBlock(
            beginning: UnsafeRawBufferPointer(rebasing: bytes[contents.validBytes...]), segmentBase: segmentBase, hasher: hasher),
            block.offsets.lowerBound == contents.coveredEnd, block.offsets.upperBound <= end
        {
            contents.entries += block.entries
            contents.coveredEnd = block.offsets.upperBound
            contents.validBytes += block.byteCount
            // Only the last block of a closed segment is shorter.
            if block.offsets.count < IdentityBlock.offsetsMax { break }
        }
        return contents
    }
}

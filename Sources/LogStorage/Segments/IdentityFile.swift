internal import EventLog
internal import RecordFormat

/// The `.ids` file beside a segment: the identity of each record that has one. A cache: it follows from the segment alone.
///
/// It is a row of blocks. Block k covers the `blockOffsets` offsets from `base + k * blockOffsets` on, the last one of a
/// closed segment what is left. Little-endian:
///
/// | byte | field |
/// |---|---|
/// | 0 | magic u32 `OKID` |
/// | 4 | first offset covered, relative to the segment's base, u32 |
/// | 8 | offsets covered, u32 |
/// | 12 | entries, u32 |
/// | 16 | fingerprint of the hash key, u32 |
/// | 20 | CRC-32C over bytes 0 to 19 and the entries, u32 |
/// | 24 | entries of 24 bytes: identity high u64, low u64, relative offset u32, timestamp in seconds u32 |
enum IdentityFile {
    static let blockOffsets: Int64 = 1024
    static let headBytes = 24
    static let entryBytes = 24
    private static let magic: UInt32 = 0x4449_4b4f

    /// Appends the block that covers `offsets` and holds `entries` (those of these offsets, in order).
    static func appendBlock(
        _ entries: ArraySlice<StoredIdentity>, covering offsets: Range<Int64>, segmentBase: Int64,
        hasher: RecordIdentityHasher, to target: inout GrowableBytes
    ) {
        let start = target.count
        let head: [UInt32] = [
            magic, UInt32(offsets.lowerBound - segmentBase), UInt32(offsets.count), UInt32(entries.count),
            fingerprint(of: hasher), 0,
        ]
        for field in head { target.append(bigEndian: field.byteSwapped) }
        for entry in entries {
            target.append(bigEndian: entry.identity.high.byteSwapped)
            target.append(bigEndian: entry.identity.low.byteSwapped)
            target.append(bigEndian: UInt32(entry.offset.value - segmentBase).byteSwapped)
            target.append(bigEndian: entry.timestampSeconds.byteSwapped)
        }
        let checksum = checksum(ofBlock: UnsafeRawBufferPointer(rebasing: target.bytes[start...]))
        (target.base + start + 20).storeBytes(of: checksum.littleEndian, as: UInt32.self)
    }

    /// Enough to see whether a file goes on behind the log's end: a block more than there are offsets for.
    static func byteCountMax(offsetCount: Int64) -> Int {
        (Int(offsetCount / blockOffsets) + 2) * (headBytes + Int(blockOffsets) * entryBytes)
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

    /// Reads blocks as long as they are whole, follow each other and were made under this key.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, segmentBase: Int64, hasher: RecordIdentityHasher
    ) -> Contents {
        var contents = Contents(coveredEnd: segmentBase, fileBytes: bytes.count)
        while bytes.count - contents.validBytes >= headBytes {
            let block = UnsafeRawBufferPointer(rebasing: bytes[contents.validBytes...])
            func field(_ position: Int) -> UInt32 {
                UInt32(littleEndian: block.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            }
            let count = Int(field(12))
            let byteCount = headBytes + count * entryBytes
            guard field(0) == magic, segmentBase + Int64(field(4)) == contents.coveredEnd, field(8) > 0,
                Int64(field(8)) <= blockOffsets, count <= Int(field(8)), field(16) == fingerprint(of: hasher),
                block.count >= byteCount,
                field(20) == checksum(ofBlock: UnsafeRawBufferPointer(rebasing: block[..<byteCount]))
            else { break }
            for place in stride(from: headBytes, to: byteCount, by: entryBytes) {
                func word(_ position: Int) -> UInt64 {
                    UInt64(littleEndian: block.loadUnaligned(fromByteOffset: place + position, as: UInt64.self))
                }
                contents.entries.append(
                    StoredIdentity(
                        identity: RecordIdentity(high: word(0), low: word(8)),
                        offset: Offset(segmentBase + Int64(field(place + 16))),
                        timestampSeconds: field(place + 20)))
            }
            contents.coveredEnd += Int64(field(8))
            contents.validBytes += byteCount
            // Only the last block of a closed segment is shorter.
            if Int64(field(8)) < blockOffsets { break }
        }
        return contents
    }

    private static func checksum(ofBlock block: UnsafeRawBufferPointer) -> UInt32 {
        var copy = [UInt8](block)
        copy.replaceSubrange(20..<24, with: [0, 0, 0, 0])
        return copy.withUnsafeBytes { CRC32C.checksum($0) }
    }

    private static func fingerprint(of hasher: RecordIdentityHasher) -> UInt32 {
        UInt32(truncatingIfNeeded: hasher.identity(of: UnsafeRawBufferPointer(start: nil, count: 0)).high)
    }
}

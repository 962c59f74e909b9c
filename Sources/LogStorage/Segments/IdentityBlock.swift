package import EventLog
package import RecordFormat

/// A block of an `.ids` file: the identities of the records at a run of offsets.
///
/// Little-endian, in columns:
///
/// | byte | field |
/// |---|---|
/// | 0 | magic u32 `OKI2` |
/// | 4 | CRC-32C of byte 8 to the end of the block, u32 |
/// | 8 | first offset covered, relative to the segment's base, u32 |
/// | 12 | offsets covered, u32 |
/// | 16 | entries, u32 |
/// | 20 | runs, u32 |
/// | 24 | fingerprint of the hash key and the segment: the lower 32 bits of the first word of its base offset's hash (i64), u32 |
/// | 28 | runs of 6 bytes: record time in seconds u32, how many entries have it u16. Times rise |
/// | | where there are fewer entries than offsets: of each entry its offset less the first one covered, u16. They rise |
/// | | identities of 12 bytes: high u64, low u32 |
/// | | bytes of the block, u32: so the file can be read from its end |
package struct IdentityBlock {
    /// The offsets it covers; only the last block of a closed segment covers fewer.
    package static let offsetsMax: Int64 = 1024
    package static let byteCountMin = headBytes + footBytes
    package static let byteCountMax = byteCountMin + Int(offsetsMax) * (runBytes + placeBytes + identityBytes)

    private static let magic: UInt32 = 0x3249_4b4f
    private static let headBytes = 28
    private static let runBytes = 6
    private static let placeBytes = 2
    private static let identityBytes = 12
    private static let footBytes = 4
    /// Where the bytes that the checksum covers begin.
    private static let checkedStart = 8

    package let offsets: Range<Int64>
    package let byteCount: Int
    package let entries: [StoredIdentity]

    // MARK: Writing

    /// Appends the block that covers `offsets` and holds `entries` (those of these offsets, in order).
    package static func append(
        _ entries: ArraySlice<StoredIdentity>, covering offsets: Range<Int64>, segmentBase: Int64,
        hasher: RecordIdentityHasher, to target: inout GrowableBytes
    ) {
        precondition((1...Int(offsetsMax)).contains(offsets.count) && entries.count <= offsets.count)
        let start = target.count
        let runs = runs(entries)
        let head: [UInt32] = [
            magic, 0, UInt32(offsets.lowerBound - segmentBase), UInt32(offsets.count), UInt32(entries.count),
            UInt32(runs.count), fingerprint(segmentBase, hasher),
        ]
        for field in head { target.append(bigEndian: field.byteSwapped) }
        for run in runs {
            target.append(bigEndian: run.seconds.byteSwapped)
            target.append(bigEndian: run.count.byteSwapped)
        }
        if entries.count < offsets.count {
            for entry in entries {
                target.append(bigEndian: UInt16(entry.offset.value - offsets.lowerBound).byteSwapped)
            }
        }
        for entry in entries {
            target.append(bigEndian: entry.identity.high.byteSwapped)
            target.append(bigEndian: entry.identity.low.byteSwapped)
        }
        target.append(bigEndian: UInt32(target.count - start + footBytes).byteSwapped)
        let checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: target.bytes[(start + checkedStart)...]))
        (target.base + start + 4).storeBytes(of: checksum.littleEndian, as: UInt32.self)
    }

    /// Times do not fall in a log of ours. In any other one an entry counts as no earlier than the one before it.
    private static func runs(_ entries: ArraySlice<StoredIdentity>) -> [(seconds: UInt32, count: UInt16)] {
        var runs: [(seconds: UInt32, count: UInt16)] = []
        for entry in entries {
            if let last = runs.last, last.seconds >= entry.timestampSeconds {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((entry.timestampSeconds, 1))
            }
        }
        return runs
    }

    // MARK: Reading

    /// Reads the block that `bytes` begin with. nil: there is none that is whole and was made under this key for this segment.
    package init?(beginning bytes: UnsafeRawBufferPointer, segmentBase: Int64, hasher: RecordIdentityHasher) {
        guard let (offsets, layout) = Self.head(of: bytes, segmentBase: segmentBase, hasher: hasher),
            let entries = Self.entries(in: bytes, layout, offsets: offsets)
        else { return nil }
        self.offsets = offsets
        self.entries = entries
        byteCount = layout.byteCount
    }

    /// How many bytes the block takes that `bytes` end with, as it says itself; nil where none can end there.
    package static func byteCount(ending bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= footBytes else { return nil }
        let byteCount = Int(integer(bytes, at: bytes.count - footBytes) as UInt32)
        return (byteCountMin...byteCountMax).contains(byteCount) ? byteCount : nil
    }

    /// Where the columns lie.
    private struct Layout {
        let entryCount, runCount: Int
        let hasPlaces: Bool

        var placesStart: Int { headBytes + runCount * runBytes }
        var identitiesStart: Int { placesStart + (hasPlaces ? entryCount * placeBytes : 0) }
        var byteCount: Int { identitiesStart + entryCount * identityBytes + footBytes }
    }

    private static func head(
        of bytes: UnsafeRawBufferPointer, segmentBase: Int64, hasher: RecordIdentityHasher
    ) -> (offsets: Range<Int64>, layout: Layout)? {
        guard bytes.count >= byteCountMin else { return nil }
        func field(_ position: Int) -> Int { Int(integer(bytes, at: position) as UInt32) }
        let (covered, entryCount, runCount) = (field(12), field(16), field(20))
        guard integer(bytes, at: 0) == magic, integer(bytes, at: 24) == fingerprint(segmentBase, hasher),
            (1...Int(offsetsMax)).contains(covered), entryCount <= covered, runCount <= entryCount
        else { return nil }
        let layout = Layout(entryCount: entryCount, runCount: runCount, hasPlaces: entryCount < covered)
        guard layout.byteCount <= bytes.count, field(layout.byteCount - footBytes) == layout.byteCount,
            field(4) == Int(CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[checkedStart..<layout.byteCount])))
        else { return nil }
        let first = segmentBase + Int64(field(8))
        return (first..<first + Int64(covered), layout)
    }

    /// nil where runs do not add up or rise, or offsets do not rise within the block.
    private static func entries(
        in bytes: UnsafeRawBufferPointer, _ layout: Layout, offsets: Range<Int64>
    ) -> [StoredIdentity]? {
        var entries: [StoredIdentity] = []
        entries.reserveCapacity(layout.entryCount)
        var seconds: UInt32?
        var place = -1
        for run in 0..<layout.runCount {
            let position = headBytes + run * runBytes
            let runSeconds: UInt32 = integer(bytes, at: position)
            let count = Int(integer(bytes, at: position + 4) as UInt16)
            guard count > 0, count <= layout.entryCount - entries.count, seconds.map({ $0 < runSeconds }) ?? true else {
                return nil
            }
            seconds = runSeconds
            for number in entries.count..<entries.count + count {
                let next = layout.hasPlaces ? Int(integer(bytes, at: layout.placesStart + number * placeBytes) as UInt16) : number
                guard next > place, next < offsets.count else { return nil }
                place = next
                let identity = layout.identitiesStart + number * identityBytes
                entries.append(
                    StoredIdentity(
                        identity: RecordIdentity(high: integer(bytes, at: identity), low: integer(bytes, at: identity + 8)),
                        offset: Offset(offsets.lowerBound + Int64(place)), timestampSeconds: runSeconds))
            }
        }
        return entries.count == layout.entryCount ? entries : nil
    }

    private static func integer<Integer: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, at position: Int) -> Integer {
        Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Integer.self))
    }

    private static func fingerprint(_ segmentBase: Int64, _ hasher: RecordIdentityHasher) -> UInt32 {
        withUnsafeBytes(of: segmentBase.littleEndian) { UInt32(truncatingIfNeeded: hasher.identity(of: $0).high) }
    }
}

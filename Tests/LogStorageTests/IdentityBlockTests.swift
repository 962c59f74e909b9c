import EventLog
import LogStorage
import RecordFormat
import Testing

@Suite struct IdentityBlockTests {
    private let hasher = RecordIdentityHasher(key: SipHash128.Key(k0: 1, k1: 2))
    private let base: Int64 = 1 << 33

    /// An entry with an identity that follows from its place.
    private func entry(_ place: Int64, seconds: UInt32) -> StoredIdentity {
        let text = Array("id-\(place)".utf8)
        return StoredIdentity(
            identity: text.withUnsafeBytes { hasher.identity(of: $0) }, offset: Offset(base + place), timestampSeconds: seconds)
    }

    private func block(_ entries: [StoredIdentity], _ places: Range<Int64>) -> [UInt8] {
        var target = GrowableBytes()
        IdentityBlock.append(
            entries[...], covering: base + places.lowerBound..<base + places.upperBound, segmentBase: base, hasher: hasher,
            to: &target)
        return Array(copying: target)
    }

    private func read(_ bytes: [UInt8]) -> IdentityBlock? {
        bytes.withUnsafeBytes { IdentityBlock(beginning: $0, segmentBase: base, hasher: hasher) }
    }

    private func set<Integer: FixedWidthInteger>(_ value: Integer, at position: Int, in bytes: inout [UInt8]) {
        bytes.replaceSubrange(
            position..<position + MemoryLayout<Integer>.size, with: withUnsafeBytes(of: value.littleEndian, Array.init))
    }

    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        set(bytes[8...].withUnsafeBytes { CRC32C.checksum($0) }, at: 4, in: &bytes)
        return bytes
    }

    @Test func aBlockIsAsFileFormatsSays() {
        let entries = [entry(1024, seconds: 7), entry(1026, seconds: 7), entry(1027, seconds: 9)]
        let bytes = block(entries, 1024..<1029)
        var expected = Array("OKI2".utf8) + bytes[4..<8]
        for field in [1024, 5, 3, 2] as [UInt32] { withUnsafeBytes(of: field.littleEndian) { expected += $0 } }
        expected += bytes[24..<28]
        expected += [7, 0, 0, 0, 2, 0] + [9, 0, 0, 0, 1, 0]
        expected += [0, 0, 2, 0, 3, 0]
        for entry in entries {
            withUnsafeBytes(of: entry.identity.high.littleEndian) { expected += $0 }
            withUnsafeBytes(of: entry.identity.low.littleEndian) { expected += $0 }
        }
        expected += [UInt8(28 + 12 + 6 + 36 + 4), 0, 0, 0]
        #expect(bytes == expected && bytes == sealed(bytes))
        let fingerprint = withUnsafeBytes(of: base.littleEndian) {
            UInt32(truncatingIfNeeded: SipHash128.hash($0, key: hasher.key).0)
        }
        #expect(Array(bytes[24..<28]) == withUnsafeBytes(of: fingerprint.littleEndian, Array.init))
    }

    @Test func blocksComeBackAsTheyWereWritten() throws {
        let all = (0..<1024 as Range<Int64>).map { entry($0, seconds: 1_769_000_000 + UInt32($0) / 100) }
        let cases: [([StoredIdentity], Range<Int64>)] = [
            (all, 0..<1024),
            (all.filter { $0.offset.value % 2 == 0 }, 0..<1024),
            (Array(all.dropFirst()), 0..<1024), (Array(all.dropLast()), 0..<1024),
            ([], 0..<1024), ([], 5..<6), (Array(all[5..<6]), 5..<6),
            (all.map { entry($0.offset.value - base, seconds: UInt32($0.offset.value - base)) }, 0..<1024),
            ([entry(0, seconds: 0), entry(1023, seconds: .max)], 0..<1024),
        ]
        for (entries, places) in cases {
            let bytes = block(entries, places)
            let found = try #require(read(bytes + [1, 2, 3]))
            #expect(found.entries == entries)
            #expect(found.offsets == base + places.lowerBound..<base + places.upperBound && found.byteCount == bytes.count)
            #expect((IdentityBlock.byteCountMin...IdentityBlock.byteCountMax).contains(bytes.count))
            #expect(bytes.withUnsafeBytes { IdentityBlock.byteCount(ending: $0) } == bytes.count)
        }
        // 12 bytes an entry, and little else.
        #expect(block(all, 0..<1024).count < 1024 * 25 / 2)
    }

    @Test func timesThatFallAreTakenAsThoseBefore() throws {
        let found = try #require(read(block([entry(0, seconds: 9), entry(1, seconds: 8), entry(2, seconds: 10)], 0..<3)))
        #expect(found.entries.map(\.timestampSeconds) == [9, 9, 10])
    }

    @Test func everyFlippedBitIsFound() {
        let bytes = block([entry(0, seconds: 7), entry(2, seconds: 8)], 0..<3)
        for bit in 0..<bytes.count * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(read(changed) == nil, "bit \(bit)")
        }
        for count in 0..<bytes.count { #expect(read(Array(bytes[..<count])) == nil, "\(count) bytes") }
        #expect(bytes.withUnsafeBytes { IdentityBlock(beginning: $0, segmentBase: 0, hasher: hasher) } == nil)
        let other = RecordIdentityHasher(key: SipHash128.Key(k0: 3, k1: 4))
        #expect(bytes.withUnsafeBytes { IdentityBlock(beginning: $0, segmentBase: base, hasher: other) } == nil)
    }

    /// Fields that contradict each other or lead out of the block, each with a checksum that holds.
    @Test func hostileBlocksAreNone() {
        let good = block([entry(0, seconds: 7), entry(2, seconds: 7), entry(3, seconds: 8)], 0..<5)
        let (first, second, places) = (28, 34, 40)
        #expect(read(sealed(good)) != nil)
        func refused(_ comment: Comment, _ change: (inout [UInt8]) -> Void) {
            var bytes = good
            change(&bytes)
            #expect(read(sealed(bytes)) == nil, comment)
            // As a part of something longer too, where nothing is out of bounds.
            #expect(read(sealed(bytes) + [UInt8](repeating: 0, count: 1 << 16)) == nil, comment)
        }
        for value in [0, 1, 2, 1025, 1 << 31, .max] as [UInt32] {
            refused("\(value) offsets covered") { set(value, at: 12, in: &$0) }
        }
        // With as many entries as offsets there is no column of places.
        refused("as many offsets as entries") { set(3 as UInt32, at: 12, in: &$0) }
        for value in [0, 1, 2, 4, 5, 6, 1024, 1 << 31, .max] as [UInt32] {
            refused("\(value) entries") { set(value, at: 16, in: &$0) }
        }
        for value in [0, 1, 3, 4, 1 << 31, .max] as [UInt32] { refused("\(value) runs") { set(value, at: 20, in: &$0) } }
        for value in [0, 1, 3, .max] as [UInt16] {
            refused("\(value) entries of the first run") { set(value, at: first + 4, in: &$0) }
        }
        for value in [0, 2, .max] as [UInt16] {
            refused("\(value) entries of the second run") { set(value, at: second + 4, in: &$0) }
        }
        refused("runs that add up, one of them empty") {
            set(3 as UInt16, at: first + 4, in: &$0)
            set(0 as UInt16, at: second + 4, in: &$0)
        }
        for value in [0, 6, 7] as [UInt32] { refused("a second run of second \(value)") { set(value, at: second, in: &$0) } }
        for value in [0, 3, 4, 5, .max] as [UInt16] {
            refused("the second entry at \(value)") { set(value, at: places + 2, in: &$0) }
        }
        for value in [5, 1024, .max] as [UInt16] {
            refused("the last entry at \(value)") { set(value, at: places + 4, in: &$0) }
        }
        for value in [0, good.count - 1, good.count + 1, 1 << 31] {
            refused("a block of \(value) bytes") { set(UInt32(value), at: $0.count - 4, in: &$0) }
        }
    }

    @Test func lengthsThatNoBlockHasAreNone() {
        for value in [0, IdentityBlock.byteCountMin - 1, IdentityBlock.byteCountMax + 1, Int(UInt32.max)] {
            let bytes = withUnsafeBytes(of: UInt32(value).littleEndian, Array.init)
            #expect(bytes.withUnsafeBytes { IdentityBlock.byteCount(ending: $0) } == nil)
        }
        #expect([1, 2, 3].withUnsafeBytes { IdentityBlock.byteCount(ending: $0) } == nil)
    }
}

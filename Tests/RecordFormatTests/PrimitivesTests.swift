import RecordFormat
import TestSupport
import Testing

@Suite struct PrimitivesTests {
    @Test func varintsRoundTripAndUseTheStatedNumberOfBytes() {
        var random = SeededGenerator(seed: 1)
        var values: [Int64] = [0, -1, 1, 63, -64, 64, -65, 8191, -8192, .max, .min]
        values += (0..<2000).map { _ in Int64(bitPattern: random.next()) >> Int64(random.next() % 64) }
        for value in values {
            var bytes = GrowableBytes()
            bytes.append(varint: value)
            #expect(bytes.count == Varint.byteCount(value))
            var position = 0
            #expect(Varint.read(bytes.bytes, at: &position) == value)
            #expect(position == bytes.count)
        }
    }

    @Test func varintsHaveKafkasBytes() {
        // Zig-zag: 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4.
        for (value, expected) in [(0, [0x00]), (-1, [0x01]), (1, [0x02]), (-64, [0x7F]), (64, [0x80, 0x01])] {
            var bytes = GrowableBytes()
            bytes.append(varint: Int64(value))
            #expect(Array(copying: bytes) == expected.map(UInt8.init))
        }
    }

    @Test(arguments: [0, 1, 9, 10, 99, 100, 1_768_991_445_123, Int.max])
    func numbersHaveTheirDecimalDigits(_ number: Int) {
        var bytes = GrowableBytes()
        bytes.append("n=")
        bytes.append(decimal: number)
        bytes.append(";")
        #expect(String(decoding: bytes.bytes, as: UTF8.self) == "n=\(number);")
    }

    @Test(arguments: [1, 1000, 64 << 10, 200_000])
    func blocksAreTheSameWhateverRoomThereIs(_ byteCount: Int) {
        var random = SeededGenerator(seed: 4)
        let input = (0..<byteCount).map { _ in UInt8.random(in: 0..<4, using: &random) }
        var tight = GrowableBytes()
        var wide = GrowableBytes(capacity: 1 << 20)
        for _ in 0..<2 {
            input.withUnsafeBytes { LZ4Block.compress($0, appendingTo: &tight) }
            input.withUnsafeBytes { LZ4Block.compress($0, appendingTo: &wide) }
        }
        #expect(Array(copying: tight) == Array(copying: wide))
    }

    @Test(arguments: [
        [UInt8](), [0x80], Array(repeating: 0x80, count: 10), Array(repeating: 0xFF, count: 9) + [0x02],
        Array(repeating: 0xFF, count: 11),
    ])
    func malformedVarintsAreRefused(_ bytes: [UInt8]) {
        var position = 0
        #expect(bytes.withUnsafeBytes { Varint.read($0, at: &position) } == nil)
        #expect(position == 0)
    }

    @Test func checksumsAreCastagnolis() {
        // RFC 3720, appendix B.4, and the usual check value.
        let vectors: [([UInt8], UInt32)] = [
            (Array("123456789".utf8), 0xE306_9283), (Array(repeating: 0, count: 32), 0x8A91_36AA),
            (Array(repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(0..<32), 0x46DD_794E), ([], 0),
        ]
        for (bytes, expected) in vectors {
            #expect(bytes.withUnsafeBytes { CRC32C.checksum($0) } == expected)
            #expect(bytes.withUnsafeBytes { CRC32C.portableChecksum($0) } == expected)
        }
    }

    @Test func theTwoChecksumImplementationsAgreeAtEveryLengthAndAlignment() {
        var random = SeededGenerator(seed: 2)
        let bytes = random.bytes(20_000)
        for length in Array(0...300) + [3071, 3072, 3073, 6144, 9999, 19_990] {
            let start = Int(random.next() % 8)
            bytes[start..<start + length].withUnsafeBytes { slice in
                #expect(CRC32C.checksum(slice) == CRC32C.portableChecksum(slice), "length \(length)")
            }
        }
    }

    @Test(arguments: [
        ("21", -973_932_308, 0), ("foobar", -790_332_482, 6), ("a-little-bit-long-string", -985_981_536, 8),
        ("a-little-bit-longer-string", -1_486_304_829, 11), ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971, 5),
        ("", 275_646_681, 9),
    ])
    func murmur2IsKafkas(_ key: String, _ hash: Int, _ partition: Int) {
        Array(key.utf8).withUnsafeBytes { bytes in
            #expect(Int(Murmur2.hash(bytes)) == hash)
            #expect(Murmur2.partition(of: bytes, partitionCount: 12) == partition)
        }
    }

    @Test func lz4FramesHaveTheHeaderThatKafkasClientsAccept() throws {
        var random = SeededGenerator(seed: 3)
        for count in [0, 1, 100, 65_535, 65_536, 65_537, 262_144, 300_000] {
            let input = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() % 7) }
            var frame = GrowableBytes()
            input.withUnsafeBytes { LZ4Frame.compress($0, appendingTo: &frame) }
            let size: [UInt8] = count <= 65_536 ? [0x40, 0x82] : [0x50, 0xFB]
            #expect(Array(frame.bytes.prefix(7)) == [0x04, 0x22, 0x4D, 0x18, 0x60] + size)
            var output = GrowableBytes()
            var decompressor = LZ4Decompressor()
            try decompressor.decompress(frame.bytes, appendingTo: &output, limit: max(count, 1))
            #expect(Array(copying: output) == input)
        }
    }

    @Test(arguments: [1, 100, 65_535, 65_536, 65_537, 300_000])
    func rawBlocksRoundTripAndWhatIsNoneIsRefused(_ count: Int) {
        var random = SeededGenerator(seed: UInt64(count))
        let input = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() % 7) }
        var blocks = GrowableBytes()
        input.withUnsafeBytes { LZ4Block.compress($0, appendingTo: &blocks) }
        var output = GrowableBytes()
        #expect(LZ4Block.decompress(blocks.bytes, byteCount: count, into: &output) && Array(copying: output) == input)
        // Another size, a cut, something behind, and any bit.
        for size in [0, count - 1, count + 1, count + 65_536, LZ4Block.inputBytesMax] {
            #expect(!LZ4Block.decompress(blocks.bytes, byteCount: size, into: &output))
        }
        #expect(output.capacity < 2_000_000)
        let whole = Array(copying: blocks)
        for bytes in [Array(whole.dropLast()), whole + [0], Array(whole.prefix(4)), []] {
            bytes.withUnsafeBytes { #expect(!LZ4Block.decompress($0, byteCount: count, into: &output)) }
        }
        for _ in 0..<200 {
            var bytes = whole
            bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1 << (random.next() % 8))
            // Checksums are somebody else's business; it must not read or write beyond its memory.
            _ = bytes.withUnsafeBytes { LZ4Block.decompress($0, byteCount: count, into: &output) }
        }
    }

    @Test func inflatingStopsAtItsLimit() throws {
        var frame = GrowableBytes()
        Array(repeating: UInt8(0), count: 10_000_000).withUnsafeBytes { LZ4Frame.compress($0, appendingTo: &frame) }
        var output = GrowableBytes()
        var decompressor = LZ4Decompressor()
        let failure = #expect(throws: RecordFormatError.self) {
            try decompressor.decompress(frame.bytes, appendingTo: &output, limit: 100_000)
        }
        #expect(failure == .tooLarge(limit: 100_000))
        #expect(output.capacity < 1_000_000)
    }

    @Test func damagedFramesAreRefusedNotTrapped() {
        var random = SeededGenerator(seed: 4)
        var frame = GrowableBytes()
        random.bytes(5000).withUnsafeBytes { LZ4Frame.compress($0, appendingTo: &frame) }
        let whole = Array(copying: frame)
        var decompressor = LZ4Decompressor()
        for cut in 1..<whole.count where cut % 7 == 0 {
            var output = GrowableBytes()
            whole[..<cut].withUnsafeBytes { bytes in
                _ = #expect(throws: RecordFormatError.self) {
                    try decompressor.decompress(bytes, appendingTo: &output, limit: 10_000)
                }
            }
        }
        var output = GrowableBytes()
        (whole + [0]).withUnsafeBytes { bytes in
            _ = #expect(throws: RecordFormatError.self) {
                try decompressor.decompress(bytes, appendingTo: &output, limit: 10_000)
            }
        }
    }
}

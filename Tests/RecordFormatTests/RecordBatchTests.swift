import Foundation
import RecordFormat
import TestSupport
import Testing

/// A record as a test sees it.
struct TestRecord: Equatable {
    var offset: Int64 = 0
    var timestamp: Int64
    var key: [UInt8]?
    var value: [UInt8]?
    var headers: [(name: [UInt8], value: [UInt8]?)] = []

    static func == (a: Self, b: Self) -> Bool {
        a.offset == b.offset && a.timestamp == b.timestamp && a.key == b.key && a.value == b.value
            && a.headers.elementsEqual(b.headers) { $0.name == $1.name && $0.value == $1.value }
    }

    var body: [UInt8] {
        var bytes = GrowableBytes()
        func field(_ field: [UInt8]?) {
            guard let field else { return RecordBody.appendAbsentField(to: &bytes) }
            field.withUnsafeBytes { RecordBody.appendField($0, to: &bytes) }
        }
        field(key)
        field(value)
        RecordBody.appendHeaderCount(headers.count, to: &bytes)
        for header in headers {
            field(header.name)
            field(header.value)
        }
        return Array(copying: bytes)
    }
}

func encode(_ records: [TestRecord], codec: RecordBatchBuilder.Codec, baseOffset: Int64 = 0) -> [UInt8] {
    var builder = RecordBatchBuilder()
    for record in records { record.body.withUnsafeBytes { builder.append(body: $0, timestamp: record.timestamp) } }
    var output = GrowableBytes()
    _ = builder.finish(baseOffset: baseOffset, partitionLeaderEpoch: 0, codec: codec, appendingTo: &output)
    return Array(copying: output)
}

func decode(_ bytes: [UInt8]) throws -> [TestRecord] {
    var found: [TestRecord] = []
    try bytes.withUnsafeBytes { bytes in
        let header = try RecordBatchReader.checkedHeader(bytes)
        var reader = RecordBatchReader()
        try reader.forEachRecord(in: bytes, header: header) { record in
            var copy = TestRecord(
                offset: record.offset, timestamp: record.timestamp, key: record.key.map { Array($0) },
                value: record.value.map { Array($0) })
            record.forEachHeader { copy.headers.append((Array($0), $1.map { Array($0) })) }
            found.append(copy)
        }
    }
    return found
}

@Suite struct RecordBatchTests {
    struct FixtureRecord: Decodable {
        let timestamp: Int64
        let key: String?
        let value: String
        let headers: [[String]]
    }

    static func fixtureRecords() throws -> [TestRecord] {
        let listed = try JSONDecoder().decode(
            [FixtureRecord].self, from: Data(try Fixtures.bytes("record-batches/records.json")))
        return listed.enumerated().map { number, record in
            TestRecord(
                offset: Int64(number), timestamp: record.timestamp, key: record.key.map { Array($0.utf8) },
                value: Array(record.value.utf8), headers: record.headers.map { (Array($0[0].utf8), Array($0[1].utf8)) })
        }
    }

    @Test(arguments: ["kafka-python-none", "kafka-python-lz4", "librdkafka-none", "librdkafka-lz4"])
    func batchesOfOtherWritersReadAsWhatTheyHold(_ name: String) throws {
        #expect(try decode(try Fixtures.bytes("record-batches/\(name).bin")) == Self.fixtureRecords())
    }

    @Test(arguments: [
        ("kafka-python-none", RecordBatchBuilder.Codec.none), ("librdkafka-none", .none), ("librdkafka-lz4", .lz4),
    ])
    func ourBatchesAreByteForByteThoseOfOtherWriters(_ name: String, _ codec: RecordBatchBuilder.Codec) throws {
        #expect(try encode(Self.fixtureRecords(), codec: codec) == Fixtures.bytes("record-batches/\(name).bin"))
    }

    @Test(arguments: 1...40)
    func randomBatchesRoundTrip(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let base = Int64(random.next() % (1 << 50))
        let records = (0..<Int.random(in: 1...200, using: &random)).map { number in
            func field(_ most: Int) -> [UInt8]? {
                random.next() % 8 == 0 ? nil : random.bytes(Int(random.next() % UInt64(most)))
            }
            return TestRecord(
                offset: base + Int64(number), timestamp: 1_769_000_000_000 + Int64(random.next() % 100_000),
                key: field(40), value: field(3000),
                headers: (0..<Int(random.next() % 4)).map { _ in (random.bytes(Int(random.next() % 20)), field(50)) })
        }
        for codec in [RecordBatchBuilder.Codec.none, .lz4] {
            #expect(try decode(encode(records, codec: codec, baseOffset: base)) == records)
        }
    }

    @Test func aHeadSaysWhatTheBatchHolds() throws {
        let records = [5, 3, 9].map { TestRecord(timestamp: $0, key: nil, value: [1]) }
        let bytes = encode(records, codec: .none, baseOffset: 70)
        let header = try bytes.withUnsafeBytes { try RecordBatchReader.checkedHeader($0) }
        #expect(header.totalBytes == bytes.count)
        #expect((header.baseOffset, header.lastOffset, header.nextOffset) == (70, 72, 73))
        #expect((header.baseTimestamp, header.maxTimestamp, header.recordCount) == (5, 9, 3))
        #expect((header.producerID, header.producerEpoch, header.baseSequence) == (-1, -1, -1))
    }

    @Test func everyFlippedBitBehindTheChecksumIsFound() throws {
        let bytes = encode([TestRecord(timestamp: 1, key: [7], value: Array("hello".utf8))], codec: .lz4)
        for bit in (17 * 8)..<(bytes.count * 8) {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: RecordFormatError.self) { try decode(damaged) }
        }
    }

    @Test func cutBatchesAreRefusedAtEveryLength() {
        let bytes = encode([TestRecord(timestamp: 1, key: [7], value: Array("hello".utf8))], codec: .none)
        for count in 0..<bytes.count {
            #expect(throws: RecordFormatError.self) { try decode(Array(bytes[..<count])) }
        }
    }

    /// Records that break the format behind a right checksum: what a hostile producer could send.
    @Test(arguments: 1...300)
    func mutatedRecordsAreRefusedOrReadNeverTrapped(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let records = (0..<3).map { TestRecord(timestamp: Int64($0), key: [1, 2], value: [3, 4, 5], headers: [([6], [7])]) }
        var bytes = encode(records, codec: .none)
        for _ in 0..<3 {
            bytes[61 + Int(random.next() % UInt64(bytes.count - 61))] = UInt8(truncatingIfNeeded: random.next())
        }
        let checksum = bytes[21...].withUnsafeBytes { CRC32C.checksum($0) }
        withUnsafeBytes(of: checksum.bigEndian) { bytes.replaceSubrange(17..<21, with: $0) }
        if let read = try? decode(bytes) { #expect(read.count == 3) }
    }

    @Test func implausibleHeadsAreRefusedBeforeMemoryIsTaken() {
        let good = encode([TestRecord(timestamp: 1, key: nil, value: nil)], codec: .none)
        func with(_ position: Int, _ value: [UInt8]) -> [UInt8] {
            var bytes = good
            bytes.replaceSubrange(position..<position + value.count, with: value)
            return bytes
        }
        #expect(throws: RecordFormatError.unsupportedMagic(1)) { try decode(with(16, [1])) }
        #expect(throws: RecordFormatError.implausibleLength(0x7FFF_FFFF)) { try decode(with(8, [0x7F, 0xFF, 0xFF, 0xFF])) }
        #expect(throws: RecordFormatError.implausibleLength(-1)) { try decode(with(8, [0xFF, 0xFF, 0xFF, 0xFF])) }
        #expect(throws: RecordFormatError.implausibleCount(records: 0x7FFF_FFFF, lastOffsetDelta: 0)) {
            try decode(with(57, [0x7F, 0xFF, 0xFF, 0xFF]))
        }
    }
}

/// The 61-byte head of Kafka's record batch v2, big-endian.
///
/// | byte | field | | byte | field |
/// |---|---|---|---|---|
/// | 0 | baseOffset i64 | | 27 | baseTimestamp i64 |
/// | 8 | batchLength i32, bytes behind it | | 35 | maxTimestamp i64 |
/// | 12 | partitionLeaderEpoch i32 | | 43 | producerId i64 |
/// | 16 | magic i8 = 2 | | 51 | producerEpoch i16 |
/// | 17 | crc u32 over byte 21 to the end | | 53 | baseSequence i32 |
/// | 21 | attributes i16 | | 57 | recordCount i32 |
/// | 23 | lastOffsetDelta i32 | | 61 | records |
public struct RecordBatchHeader: Equatable, Sendable {
    public static let byteCount = 61
    /// Where the field `batchLength` starts counting.
    public static let lengthPrefix = 12
    /// The first byte that the checksum covers.
    public static let checksumStart = 21
    public static let magic: Int8 = 2
    /// No batch of ours or of a client is larger; a length above is damage. (Kafka's own default is 1 MiB.)
    public static let batchBytesMax = 64 << 20

    public var baseOffset: Int64
    public var batchLength: Int32
    public var partitionLeaderEpoch: Int32
    public var checksum: UInt32
    public var attributes: Int16
    public var lastOffsetDelta: Int32
    public var baseTimestamp: Int64
    public var maxTimestamp: Int64
    public var producerID: Int64
    public var producerEpoch: Int16
    public var baseSequence: Int32
    public var recordCount: Int32

    /// The whole batch, head included, in bytes.
    public var totalBytes: Int { Self.lengthPrefix + Int(batchLength) }
    public var lastOffset: Int64 { baseOffset + Int64(lastOffsetDelta) }
    /// The offset that the next batch starts with.
    public var nextOffset: Int64 { lastOffset + 1 }
    public var codec: Int { Int(attributes & 7) }
    /// All records have the time at which they were appended, which is `maxTimestamp`; otherwise each has its own, when it was made.
    public var hasAppendTime: Bool { attributes & 8 != 0 }
    /// The time of its first record.
    public var firstTimestamp: Int64 { hasAppendTime ? maxTimestamp : baseTimestamp }
    public var isTransactional: Bool { attributes & 0x10 != 0 }
    public var isControlBatch: Bool { attributes & 0x20 != 0 }

    /// Reads a head and checks what can be checked without the records: magic, length, counts.
    public init(reading bytes: UnsafeRawBufferPointer) throws(RecordFormatError) {
        guard bytes.count >= Self.byteCount else {
            throw .truncated(needed: Self.byteCount, available: bytes.count)
        }
        func field<Integer: FixedWidthInteger>(_ position: Int, _: Integer.Type) -> Integer {
            Integer(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Integer.self))
        }
        let magic = field(16, Int8.self)
        guard magic == Self.magic else { throw .unsupportedMagic(magic) }
        baseOffset = field(0, Int64.self)
        batchLength = field(8, Int32.self)
        partitionLeaderEpoch = field(12, Int32.self)
        checksum = field(17, UInt32.self)
        attributes = field(21, Int16.self)
        lastOffsetDelta = field(23, Int32.self)
        baseTimestamp = field(27, Int64.self)
        maxTimestamp = field(35, Int64.self)
        producerID = field(43, Int64.self)
        producerEpoch = field(51, Int16.self)
        baseSequence = field(53, Int32.self)
        recordCount = field(57, Int32.self)
        guard batchLength >= Self.byteCount - Self.lengthPrefix, Int(batchLength) <= Self.batchBytesMax else {
            throw .implausibleLength(batchLength)
        }
        // Our batches are dense: one offset a record. A client's may be sparse only after compaction, which we never do. A
        // control batch has one record and takes as many offsets as it says (`HoleMarker`).
        guard recordCount > 0, isControlBatch ? recordCount == 1 : lastOffsetDelta == recordCount - 1,
            lastOffsetDelta >= 0, baseOffset >= 0, baseOffset <= Int64.max - Int64(Int32.max) - 1
        else { throw .implausibleCount(records: recordCount, lastOffsetDelta: lastOffsetDelta) }
    }

    public init(
        baseOffset: Int64, batchLength: Int32, partitionLeaderEpoch: Int32, attributes: Int16, recordCount: Int32,
        baseTimestamp: Int64, maxTimestamp: Int64
    ) {
        self.baseOffset = baseOffset
        self.batchLength = batchLength
        self.partitionLeaderEpoch = partitionLeaderEpoch
        self.checksum = 0
        self.attributes = attributes
        self.lastOffsetDelta = recordCount - 1
        self.baseTimestamp = baseTimestamp
        self.maxTimestamp = maxTimestamp
        self.producerID = -1
        self.producerEpoch = -1
        self.baseSequence = -1
        self.recordCount = recordCount
    }

    /// Writes the 61 bytes to `target`.
    public func write(to target: UnsafeMutableRawPointer) {
        func put<Integer: FixedWidthInteger>(_ value: Integer, _ position: Int) {
            target.storeBytes(of: value.bigEndian, toByteOffset: position, as: Integer.self)
        }
        put(baseOffset, 0)
        put(batchLength, 8)
        put(partitionLeaderEpoch, 12)
        put(Self.magic, 16)
        put(checksum, 17)
        put(attributes, 21)
        put(lastOffsetDelta, 23)
        put(baseTimestamp, 27)
        put(maxTimestamp, 35)
        put(producerID, 43)
        put(producerEpoch, 51)
        put(baseSequence, 53)
        put(recordCount, 57)
    }

    /// Computes the checksum of the batch at `batch`, whose records are there, and writes the head before them.
    public mutating func seal(_ batch: UnsafeMutableRawPointer, byteCount: Int) {
        write(to: batch)
        checksum = CRC32C.checksum(
            UnsafeRawBufferPointer(start: batch + Self.checksumStart, count: byteCount - Self.checksumStart))
        write(to: batch)
    }
}

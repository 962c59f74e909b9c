internal import RecordFormat

/// The file `<offset>.snapshot` beside the segments (`%020d`): what was known of producers when all before the offset was in the log. A cache: without it
/// the log's batches are walked.
///
/// ```
///  0  magic u32 "OKPS"     4  crc32c u32, of all behind it     8  offset i64    16  producerCount u32
/// 20  for each: producerId i64, epoch i16, batchCount u8, and for each batch: firstSequence i32, lastSequence i32, baseOffset i64
/// ```
/// Big-endian, as the indexes are.
struct ProducerSnapshot: Equatable, Sendable {
    static let suffix = ".snapshot"
    /// More than any file has.
    static let byteCountMax = headBytes + ProducerTable.producersMax * (producerBytes + ProducerTable.batchesMax * batchBytes)

    private static let magic: UInt32 = 0x4F4B_5053
    private static let headBytes = 20
    private static let producerBytes = 11
    private static let batchBytes = 16

    let offset: Int64
    let table: ProducerTable

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: offset)
        bytes.append(bigEndian: UInt32(table.producers.count))
        for (id, producer) in table.producers.sorted(by: { $0.key < $1.key }) {
            bytes.append(bigEndian: id)
            bytes.append(bigEndian: producer.epoch)
            bytes.append(UInt8(producer.batches.count))
            for batch in producer.batches {
                bytes.append(bigEndian: batch.firstSequence)
                bytes.append(bigEndian: batch.lastSequence)
                bytes.append(bigEndian: batch.baseOffset)
            }
        }
        var head: [UInt8] = []
        head.append(bigEndian: Self.magic)
        head.append(bigEndian: bytes.withUnsafeBytes { CRC32C.checksum($0) })
        return head + bytes
    }

    init(offset: Int64, table: ProducerTable) {
        self.offset = offset
        self.table = table
    }

    /// nil where the bytes are not a whole snapshot.
    init?(decoding bytes: [UInt8]) {
        guard bytes.count >= Self.headBytes, bytes.bigEndian(at: 0) as UInt32 == Self.magic,
            bytes.withUnsafeBytes({ CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[8...])) }) == bytes.bigEndian(at: 4)
                as UInt32
        else { return nil }
        offset = bytes.bigEndian(at: 8)
        let count: UInt32 = bytes.bigEndian(at: 16)
        var producers: [Int64: ProducerTable.Producer] = [:]
        var position = Self.headBytes
        for _ in 0..<count {
            guard bytes.count - position >= Self.producerBytes else { return nil }
            let id: Int64 = bytes.bigEndian(at: position)
            let batchCount = Int(bytes[position + 10])
            var producer = ProducerTable.Producer(epoch: bytes.bigEndian(at: position + 8), batches: [])
            position += Self.producerBytes
            guard (1...ProducerTable.batchesMax).contains(batchCount), bytes.count - position >= batchCount * Self.batchBytes
            else {
                return nil
            }
            for _ in 0..<batchCount {
                producer.batches.append(
                    .init(
                        firstSequence: bytes.bigEndian(at: position), lastSequence: bytes.bigEndian(at: position + 4),
                        baseOffset: bytes.bigEndian(at: position + 8)))
                position += Self.batchBytes
            }
            guard producers.updateValue(producer, forKey: id) == nil else { return nil }
        }
        guard position == bytes.count, let table = ProducerTable(producers) else { return nil }
        self.table = table
    }
}

/// A snapshot that is to take the place of the one before it.
struct ProducerSnapshotWrite: Sendable {
    let directory: String
    let snapshot: ProducerSnapshot
    /// Where the one before stands; nil: there is none.
    let replaced: Int64?

    func perform(_ fileSystem: any FileSystem) throws(FileError) {
        try fileSystem.replace(path(snapshot.offset), with: snapshot.encoded())
        // One too many does no harm.
        if let replaced { try? fileSystem.remove(path(replaced)) }
    }

    private func path(_ offset: Int64) -> String { "\(directory)/\(FileNames.segment(offset, ProducerSnapshot.suffix))" }
}

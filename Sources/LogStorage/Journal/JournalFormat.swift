internal import EventLog
internal import RecordFormat

/// The bytes of a journal file (`JournalFormat` on the page of file formats): a head, then entries, each at the start of a page.
///
/// A page that holds a synced entry is never written again, so a torn write takes nothing but what was being written.
enum JournalFormat {
    static let pageBytes = 4096
    /// Of files with entries of one block each, which a version before this one made.
    static let oldFileMagic: UInt64 = 0x314C_4E4A_414C_4B4F  // "OKLAJNL1"
    /// Of files without batches that came whole, which a version before this one made: they are read as they are.
    static let recordsFileMagic: UInt64 = 0x324C_4E4A_414C_4B4F  // "OKLAJNL2"
    static let fileMagic: UInt64 = 0x334C_4E4A_414C_4B4F  // "OKLAJNL3"
    static let entryMagic: UInt32 = 0x4A4C_4B4F  // "OKLJ"
    /// More than a commit can bring: the queue's bound, and a group larger than that alone.
    static let payloadBytesMax = 512 << 20
    /// More than any file has: it ends with the entry that fills it.
    static let fileBytesMax = 1 << 30
    /// Far beyond what is ever reached; a garbled one must not end the counting.
    static let sequenceMax = UInt64(1) << 62

    static func roundedUp(_ byteCount: Int) -> Int { (byteCount + pageBytes - 1) / pageBytes * pageBytes }

    // MARK: The head of a file

    /// A topic whose partitions the records of a file name.
    struct Topic: Equatable, Sendable {
        let name: TopicName
        let partitionCount: Int
        /// `LogMeta.numbers`; 0: none.
        let number: Int
    }

    /// ```
    ///  0  magic u64     8  crc32c u32, of all behind it    12  topicsBytes u32    16  firstSequence u64    24  salt u64
    /// 32  topics: a line `name partitionCount` or `name partitionCount number` each; records count partitions through them in this order
    /// ```
    struct FileHead: Equatable, Sendable {
        var firstSequence: UInt64
        /// Made anew each time that the file is begun, and repeated by its entries: so neither what it held before nor what
        /// somebody wrote into a record passes for an entry of it.
        var salt: UInt64
        var topics: [Topic]

        static let byteCountMin = 32
        /// As many lines as `meta.properties` may have.
        static let topicsBytesMax = 4 << 20
        private static let partitionsMax = 1 << 20

        /// Where the first entry starts.
        var byteCount: Int { JournalFormat.roundedUp(Self.byteCountMin + topicsText.count) }

        /// nil: of a topic that is not among those of `numbers`, by name and number. A topic without a number is any of its name.
        func partitions(_ numbers: [TopicName: Int]) -> [TopicPartition?] {
            topics.flatMap { topic in
                let isKnown = numbers[topic.name].map { $0 == 0 || $0 == topic.number } ?? false
                return (0..<topic.partitionCount).map { isKnown ? TopicPartition(topic.name, PartitionID($0)) : nil }
            }
        }

        private var topicsText: [UInt8] {
            Array(
                topics.map { "\($0.name) \($0.partitionCount)\($0.number == 0 ? "" : " \($0.number)")\n" }.joined().utf8)
        }

        func encoded() -> [UInt8] {
            let text = topicsText
            var bytes = [UInt8](repeating: 0, count: byteCount)
            bytes.withUnsafeMutableBytes { target in
                target.store(JournalFormat.fileMagic, at: 0)
                target.store(UInt32(text.count), at: 12)
                target.store(firstSequence, at: 16)
                target.store(salt, at: 24)
                target[32..<32 + text.count].copyBytes(from: text)
                let covered = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[12..<32 + text.count])
                target.store(CRC32C.checksum(covered), at: 8)
            }
            return bytes
        }

        /// Reads what a file begins with; nil where that is no head.
        init?(reading file: any File) throws(FileError) {
            let start = try file.readBytes(at: 0, byteCount: Self.byteCountMin)
            guard start.count == Self.byteCountMin else { return nil }
            let magic = start.load(UInt64.self, at: 0)
            if magic == JournalFormat.oldFileMagic {
                throw FileError(
                    operation: "read", path: file.path, number: 0,
                    reason: "an older version of this service made it: start that one once more, and stop it")
            }
            guard magic == JournalFormat.fileMagic || magic == JournalFormat.recordsFileMagic else { return nil }
            let textBytes = Int(start.load(UInt32.self, at: 12))
            guard textBytes <= Self.topicsBytesMax else { return nil }
            let all = try file.readBytes(at: 0, byteCount: Self.byteCountMin + textBytes)
            guard all.count == Self.byteCountMin + textBytes else { return nil }
            let checksum = all.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[12...])) }
            guard checksum == all.load(UInt32.self, at: 8), all.load(UInt64.self, at: 16) <= JournalFormat.sequenceMax else {
                return nil
            }
            var topics: [Topic] = []
            for line in String(decoding: all[32...], as: UTF8.self).split(separator: "\n") {
                let parts = line.split(separator: " ")
                guard parts.count == 2 || parts.count == 3, let name = TopicName(String(parts[0])), let count = Int(parts[1]),
                    (1...TopicDefinition.partitionsMax).contains(count), let number = parts.count == 2 ? 0 : Int(parts[2])
                else { return nil }
                topics.append(Topic(name: name, partitionCount: count, number: number))
            }
            guard topics.reduce(0, { $0 + $1.partitionCount }) <= Self.partitionsMax else { return nil }
            self.init(firstSequence: all.load(UInt64.self, at: 16), salt: all.load(UInt64.self, at: 24), topics: topics)
        }

        init(firstSequence: UInt64, salt: UInt64, topics: [Topic]) {
            self.firstSequence = firstSequence
            self.salt = salt
            self.topics = topics
        }

        static func == (a: FileHead, b: FileHead) -> Bool { a.encoded() == b.encoded() }
    }

    // MARK: An entry

    /// ```
    ///  0  magic u32     4  crc32c u32, of all behind it, records included     8  salt u64, the file's    16  sequence u64
    /// 24  payloadBytes u32    28  headBlocksBytes u32    32  recordCount u32    36  payload
    /// ```
    /// The payload: the heads of all records (`RecordHead`), as LZ4 blocks; then, piece by piece, their bodies:
    /// ```
    ///  0  bodyBytes u32, inflated     4  blocksBytes u32     8  the bodies of the next records, as LZ4 blocks
    /// ```
    /// Where bit 31 of `blocksBytes` is set, the bodies stand there as they are.
    struct EntryHead: Equatable, Sendable {
        var salt: UInt64
        var sequence: UInt64
        var payloadBytes: Int
        /// How much of the payload the heads take.
        var headBlocksBytes: Int
        var recordCount: Int

        static let byteCount = 36

        /// What the entry takes in the file, filled up to a whole page.
        var totalBytes: Int { JournalFormat.roundedUp(Self.byteCount + payloadBytes) }

        /// Fills in the head of the entry that begins at `start`, whose payload stands behind it, and zeros up to the page's end: an entry
        /// of which those are missing is not whole, for its commit may have been refused.
        func write(to start: UnsafeMutableRawPointer) {
            let entry = UnsafeMutableRawBufferPointer(start: start, count: totalBytes)
            entry.store(JournalFormat.entryMagic, at: 0)
            entry.store(salt, at: 8)
            entry.store(sequence, at: 16)
            entry.store(UInt32(payloadBytes), at: 24)
            entry.store(UInt32(headBlocksBytes), at: 28)
            entry.store(UInt32(recordCount), at: 32)
            entry.store(CRC32C.checksum(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(entry)[8...])), at: 4)
        }

        /// Reads a head without its checksum; nil where it is none, or says more than `bytesLeft` can hold.
        init?(reading bytes: [UInt8], bytesLeft: Int) {
            guard bytes.count >= Self.byteCount, bytes.load(UInt32.self, at: 0) == JournalFormat.entryMagic else { return nil }
            salt = bytes.load(UInt64.self, at: 8)
            sequence = bytes.load(UInt64.self, at: 16)
            payloadBytes = Int(bytes.load(UInt32.self, at: 24))
            headBlocksBytes = Int(bytes.load(UInt32.self, at: 28))
            recordCount = Int(bytes.load(UInt32.self, at: 32))
            guard payloadBytes <= JournalFormat.payloadBytesMax,
                JournalFormat.roundedUp(Self.byteCount + payloadBytes) <= bytesLeft,
                headBlocksBytes <= payloadBytes, sequence <= JournalFormat.sequenceMax
            else { return nil }
        }

        init(salt: UInt64, sequence: UInt64, payloadBytes: Int, headBlocksBytes: Int, recordCount: Int) {
            self.salt = salt
            self.sequence = sequence
            self.payloadBytes = payloadBytes
            self.headBlocksBytes = headBlocksBytes
            self.recordCount = recordCount
        }
    }

    /// Whether the checksum of an entry, with what fills up its last page, is right.
    static func isWhole(_ entry: [UInt8]) -> Bool {
        guard entry.count >= EntryHead.byteCount else { return false }
        return entry.load(UInt32.self, at: 4)
            == entry.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[8...])) }
    }

    // MARK: A record

    /// ```
    ///  0  partition u32, counted through the file's topics    4  bodyBytes u32    8  offset i64    16  timestamp i64
    /// ```
    /// Its body (`RecordBody`) stands in the pieces behind the heads. Where bit 31 of `partition` is set, it is a batch that came whole, as it came: its
    /// first record has this offset, and all of them this time, where the topic has times of appends.
    struct RecordHead: Equatable, Sendable {
        /// `notStored`: no record, but its body stands among the others.
        var partition: Int
        var bodyBytes: Int
        var offset: Int64
        var timestamp: Int64
        /// A batch, and not a record.
        var isWholeBatch = false

        static let byteCount = 24
        static let notStored = Int(UInt32.max)
        private static let wholeBatchBit: UInt32 = 1 << 31

        @inline(__always)
        func append(to target: inout GrowableBytes) {
            let place = UnsafeMutableRawBufferPointer(start: target.reserve(Self.byteCount), count: Self.byteCount)
            place.store(UInt32(truncatingIfNeeded: partition) | (isWholeBatch ? Self.wholeBatchBit : 0), at: 0)
            place.store(UInt32(truncatingIfNeeded: bodyBytes), at: 4)
            place.store(offset, at: 8)
            place.store(timestamp, at: 16)
            target.advance(by: Self.byteCount)
        }

        init(reading bytes: UnsafeRawBufferPointer) {
            let number = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
            isWholeBatch = number & Self.wholeBatchBit != 0 && number != UInt32.max
            partition = Int(isWholeBatch ? number & ~Self.wholeBatchBit : number)
            bodyBytes = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
            offset = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
            timestamp = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: Int64.self))
        }

        init(partition: Int, bodyBytes: Int, offset: Int64, timestamp: Int64, isWholeBatch: Bool = false) {
            self.partition = partition
            self.bodyBytes = bodyBytes
            self.offset = offset
            self.timestamp = timestamp
            self.isWholeBatch = isWholeBatch
        }
    }

    // MARK: A piece

    struct PieceHead {
        var bodyBytes: Int
        var blocksBytes: Int
        /// The bodies are not compressed.
        var isPlain = false

        static let byteCount = 8
        private static let plainBit: UInt32 = 1 << 31

        func append(to target: inout GrowableBytes) {
            write(to: target.reserve(Self.byteCount))
            target.advance(by: Self.byteCount)
        }

        func write(to start: UnsafeMutableRawPointer) {
            let place = UnsafeMutableRawBufferPointer(start: start, count: Self.byteCount)
            place.store(UInt32(bodyBytes), at: 0)
            place.store(UInt32(blocksBytes) | (isPlain ? Self.plainBit : 0), at: 4)
        }

        init(bodyBytes: Int, blocksBytes: Int, isPlain: Bool = false) {
            self.bodyBytes = bodyBytes
            self.blocksBytes = blocksBytes
            self.isPlain = isPlain
        }

        init?(reading bytes: UnsafeRawBufferPointer) {
            guard bytes.count >= Self.byteCount else { return nil }
            bodyBytes = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)))
            let blocks = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            isPlain = blocks & Self.plainBit != 0
            blocksBytes = Int(blocks & ~Self.plainBit)
            guard !isPlain || blocksBytes == bodyBytes, bodyBytes <= JournalFormat.payloadBytesMax,
                blocksBytes <= bytes.count - Self.byteCount
            else { return nil }
        }
    }

    /// Calls `body` with each record of a payload in order; false where it is none, or ends early.
    static func forEachRecord(
        in payload: UnsafeRawBufferPointer, _ entry: EntryHead, _ body: (RecordHead, UnsafeRawBufferPointer) -> Void
    ) -> Bool {
        var heads = GrowableBytes()
        var bodies = GrowableBytes()
        let headBlocks = UnsafeRawBufferPointer(rebasing: payload.prefix(entry.headBlocksBytes))
        guard
            LZ4Block.decompress(headBlocks, byteCount: entry.recordCount * RecordHead.byteCount, into: &heads)
        else { return false }
        var position = entry.headBlocksBytes
        var taken = 0
        for number in 0..<entry.recordCount {
            let head = RecordHead(
                reading: UnsafeRawBufferPointer(rebasing: heads.bytes[(number * RecordHead.byteCount)...]))
            if taken == bodies.count {
                guard let piece = PieceHead(reading: UnsafeRawBufferPointer(rebasing: payload[position...])) else { return false }
                position += PieceHead.byteCount
                let blocks = UnsafeRawBufferPointer(rebasing: payload[position..<position + piece.blocksBytes])
                if piece.isPlain {
                    bodies.removeAll()
                    bodies.append(copying: blocks)
                } else {
                    guard LZ4Block.decompress(blocks, byteCount: piece.bodyBytes, into: &bodies) else { return false }
                }
                position += piece.blocksBytes
                taken = 0
            }
            guard head.bodyBytes <= bodies.count - taken else { return false }
            if head.partition != RecordHead.notStored {
                body(head, UnsafeRawBufferPointer(rebasing: bodies.bytes[taken..<taken + head.bodyBytes]))
            }
            taken += head.bodyBytes
        }
        return true
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Little-endian.
    fileprivate func store<Integer: FixedWidthInteger>(_ value: Integer, at position: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: position, as: Integer.self)
    }
}

extension [UInt8] {
    /// Little-endian.
    fileprivate func load<Integer: FixedWidthInteger>(_ type: Integer.Type, at position: Int) -> Integer {
        withUnsafeBytes { Integer(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: type)) }
    }
}

internal import EventLog
internal import RecordFormat

/// What a start finds in the folder `journal`: every entry that is whole, in order, and how far they reach in each partition.
struct JournalFiles {
    struct Entry {
        let file: Int
        let position: Int
        let head: JournalFormat.EntryHead
    }

    struct Found {
        let file: any File
        /// Empty: the file has no head, and so no entries. nil: of a topic that is there no more.
        let partitions: [TopicPartition?]
        let byteCount: Int
    }

    static let folder = "journal"

    private(set) var files: [Found] = []
    private(set) var entries: [Entry] = []
    /// For each partition the offsets of the entries' last run without a gap.
    private(set) var offsets: [TopicPartition: Range<Int64>] = [:]
    /// Above that of every entry that ever was.
    private(set) var nextSequence: UInt64 = 1
    private var firstNeeded: UInt64 = 1
    private(set) var nextName = 0
    /// Of all records, in milliseconds since 1970.
    private(set) var newestTimestamp: Int64?
    /// Entries that must have been there, for later ones are, and files of which nothing can be told but that they hold some.
    private(set) var damaged: [String] = []
    /// The latter.
    private(set) var headless: [String] = []

    static func name(_ number: Int) -> String { "\(number).journal" }

    private static func number(of name: String) -> Int? {
        guard name.hasSuffix(".journal"), let number = Int(name.dropLast(8)), number >= 0, Self.name(number) == name else {
            return nil
        }
        return number
    }

    /// Reads all of the folder `path`; entries before `sequence` are needed no more, and of topics that are not in `meta` no record is.
    init(path: String, fileSystem: any FileSystem, access: FileAccess, from sequence: UInt64, meta: LogMeta) throws(FileError) {
        nextSequence = max(nextSequence, sequence)
        firstNeeded = nextSequence
        guard try fileSystem.exists(path) else { return }
        let numbers = try fileSystem.list(path).compactMap(Self.number).sorted()
        nextName = (numbers.last ?? -1) + 1
        let numbersOfTopics = meta.numbersOfAll
        for number in numbers {
            // A service may have removed it meanwhile.
            if let file = try fileSystem.openIfThere("\(path)/\(Self.name(number))", access) {
                try add(file, from: sequence, numbersOfTopics)
            }
        }
        entries.removeAll { $0.head.sequence < sequence }
        entries.sort { $0.head.sequence < $1.head.sequence }
        try findOffsets()
    }

    /// Whether an entry is missing between others: damaged, or written while they were read.
    var hasGap: Bool {
        var expected = firstNeeded
        for entry in entries {
            if entry.head.sequence > expected { return true }
            expected = entry.head.sequence + 1
        }
        return false
    }

    func close() { for found in files { found.file.close() } }

    private mutating func add(_ file: any File, from sequence: UInt64, _ numbersOfTopics: [TopicName: Int]) throws(FileError) {
        // A file that has grown without bound is not read for hours.
        let byteCount = min(try file.size(), JournalFormat.fileBytesMax)
        let head = try JournalFormat.FileHead(reading: file)
        guard let head else {
            if try holdsEntry(file, byteCount, from: sequence) {
                damaged.append("the head of \(file.path) is damaged")
                headless.append(file.path)
                file.close()
            } else {
                files.append(Found(file: file, partitions: [], byteCount: byteCount))
            }
            return
        }
        files.append(Found(file: file, partitions: head.partitions(numbersOfTopics), byteCount: byteCount))
        nextSequence = max(nextSequence, head.firstSequence)
        var position = head.byteCount
        var expected = head.firstSequence
        // Behind the last entry stands what the file held before, or nothing. An entry of this file behind bytes that are none means
        // that these were damaged after they were synced: an entry is written only when the one before is.
        while position + JournalFormat.EntryHead.byteCount <= byteCount {
            let start = try file.readBytes(at: position, byteCount: JournalFormat.EntryHead.byteCount)
            guard let entry = JournalFormat.EntryHead(reading: start, bytesLeft: byteCount - position), entry.salt == head.salt,
                entry.sequence >= expected, try isWhole(entry, in: file, at: position)
            else {
                position += JournalFormat.pageBytes
                continue
            }
            if entry.sequence > expected, entry.sequence > sequence {
                damaged.append("\(file.path): entries \(expected) to \(entry.sequence - 1) are damaged")
            }
            entries.append(Entry(file: files.count - 1, position: position, head: entry))
            expected = entry.sequence + 1
            nextSequence = max(nextSequence, expected)
            position += entry.totalBytes
        }
    }

    /// Whether a file without a head has an entry all the same that is needed: what a file held before it was begun anew is not.
    private func holdsEntry(_ file: any File, _ byteCount: Int, from sequence: UInt64) throws(FileError) -> Bool {
        for position in stride(from: JournalFormat.pageBytes, to: byteCount, by: JournalFormat.pageBytes) {
            let start = try file.readBytes(at: position, byteCount: JournalFormat.EntryHead.byteCount)
            if let entry = JournalFormat.EntryHead(reading: start, bytesLeft: byteCount - position), entry.sequence >= sequence,
                try isWhole(entry, in: file, at: position)
            {
                return true
            }
        }
        return false
    }

    private func isWhole(_ entry: JournalFormat.EntryHead, in file: any File, at position: Int) throws(FileError) -> Bool {
        JournalFormat.isWhole(try file.readBytes(at: position, byteCount: entry.totalBytes))
    }

    /// Calls `body` with the records of an entry, and the batches that came whole, in order.
    func forEachRecord(
        of entry: Entry, _ body: (TopicPartition, JournalFormat.RecordHead, UnsafeRawBufferPointer) -> Void
    ) throws(FileError) {
        let found = files[entry.file]
        let bytes = try found.file.readBytes(at: entry.position, byteCount: entry.head.totalBytes)
        // A service may have written something else there meanwhile.
        guard JournalFormat.isWhole(bytes), JournalFormat.EntryHead(reading: bytes, bytesLeft: bytes.count) == entry.head else {
            return
        }
        bytes.withUnsafeBytes { bytes in
            let payload = UnsafeRawBufferPointer(
                rebasing: bytes[JournalFormat.EntryHead.byteCount...].prefix(entry.head.payloadBytes))
            _ = JournalFormat.forEachRecord(in: payload, entry.head) { head, record in
                guard head.partition < found.partitions.count, (0...FileNames.offsetMax).contains(head.offset),
                    let partition = found.partitions[head.partition]
                else { return }
                body(partition, head, record)
            }
        }
    }

    private mutating func findOffsets() throws(FileError) {
        var found: [TopicPartition: Range<Int64>] = [:]
        for entry in entries {
            try forEachRecord(of: entry) { partition, head, body in
                newestTimestamp = max(newestTimestamp ?? .min, head.timestamp)
                let end = head.offset + head.offsetCount(body)
                if let range = found[partition], range.upperBound == head.offset {
                    found[partition] = range.lowerBound..<end
                } else {
                    found[partition] = head.offset..<end
                }
            }
        }
        offsets = found
    }
}

extension JournalFormat.RecordHead {
    /// How many offsets it takes.
    func offsetCount(_ body: UnsafeRawBufferPointer) -> Int64 {
        guard isWholeBatch, let header = try? RecordBatchHeader(reading: body) else { return 1 }
        return Int64(header.lastOffsetDelta) + 1
    }
}

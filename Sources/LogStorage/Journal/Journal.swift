internal import EventLog
internal import RecordFormat
internal import Synchronization

/// The commits since the last recovery points: one entry each, made durable by one sync of one file, however many partitions the
/// commit went to. The segments get the same records behind the answers, and are synced when a recovery point moves.
///
/// Owns: the folder `journal` and every file in it.
/// Invariants:
/// 1. A commit is acknowledged only when its entry is synced. Sequences grow by one from entry to entry.
/// 2. No page that holds a synced entry is written again before all of its records are below durable recovery points.
/// 3. After a write or a sync that failed, and may have left anything, nothing is written any more.
///
/// State transitions: a file is current (`write`), then full (`rotate`), then ready to be written again, or removed
/// (`finishCheckpoint`). A file is prepared when all of its pages have been written once: syncing one of those costs half of what a
/// file that grows does, for nothing but the page itself has to reach the disk.
///
/// Threads: `begin`, both `add`, `addBodies`, `write`, `sync`, `prepareCheckpoint`, `pin`, `close` belong to the commit loop; `finishCheckpoint` and
/// `prepareSpare` to the maintenance thread.
final class Journal: @unchecked Sendable {
    // Sendable: `shared` is locked, the rest is the commit loop's own.

    private struct OpenFile {
        let file: any File
        var isPrepared: Bool
        let salt: UInt64
        let firstEntry: Int
        /// Where the next entry goes.
        var position: Int
    }

    private struct Shared {
        var ready: [any File] = []
        var full: [(file: any File, lastSequence: UInt64, isPrepared: Bool)] = []
        /// Files that the next start needs, whatever becomes of this run.
        var pinned: [any File] = []
        var nextName: Int
        var isFolderDurable: Bool
    }

    private let path: String
    private let fileSystem: any FileSystem
    private var topics: [JournalFormat.Topic]
    private let fileBytes: Int
    private let shared: Mutex<Shared>

    private var current: OpenFile?
    // Every record touches these: not checked for overlapping accesses, which `add` cannot make.
    @exclusivity(unchecked) private var heads = GrowableBytes()
    @exclusivity(unchecked) private var recordCount = 0
    /// The pieces with the bodies, as the entry gets them.
    private var pieces = GrowableBytes()
    /// Bodies that are not in a piece yet: of groups that are compressed together.
    private var loose = GrowableBytes()
    private var entry = GrowableBytes()
    private var nextSequence: UInt64
    private var failure: FileError?
    private var hasAskedForSpare = false
    /// Bytes written since the last recovery points were prepared.
    private(set) var bytesSinceCheckpoint = 0
    private var filesSinceCheckpoint = 0

    /// Full files that wait for a recovery point, above which commits are refused: the points do not move.
    private static let fullFilesMax = 8
    private static let readyFilesMax = 2
    /// So many files' room must be free before one is prepared.
    private static let roomForSpare = 4
    private static let preparedBytes = 256 << 10
    /// What is kept in memory between commits.
    private static let bytesKept = 4 << 20

    /// - Parameters:
    ///   - firstSequence: above all that any file in the folder holds.
    init(
        path: String, fileSystem: any FileSystem, topics: [JournalFormat.Topic], fileBytes: Int, firstSequence: UInt64,
        nextName: Int, isFolderDurable: Bool
    ) {
        self.path = path
        self.fileSystem = fileSystem
        self.topics = topics
        self.fileBytes = fileBytes
        nextSequence = firstSequence
        shared = Mutex(Shared(nextName: nextName, isFolderDurable: isFolderDurable))
    }

    /// Adds a topic behind the others. What is written from now on goes to a file whose head knows it. Belongs to the commit loop.
    ///
    /// - Throws: where there is no room for such a file; nothing is changed then.
    func add(_ topic: JournalFormat.Topic) throws(FileError) {
        if let failure { throw failure }
        topics.append(topic)
        if current == nil { return }
        do throws(FileError) {
            let fullCount = shared.withLock { $0.full.count }
            if fullCount >= Self.fullFilesMax { throw tooManyFull(fullCount) }
            _ = try nextFile()
        } catch {
            topics.removeLast()
            throw error
        }
    }

    // MARK: A commit: begin, (add*, addBodies)*, write, sync

    func begin() {
        if heads.capacity > Self.bytesKept { heads = GrowableBytes() }
        if pieces.capacity > Self.bytesKept { pieces = GrowableBytes() }
        if loose.capacity > Self.bytesKept { loose = GrowableBytes() }
        if entry.capacity > Self.bytesKept { entry = GrowableBytes() }
        heads.removeAll()
        pieces.removeAll()
        loose.removeAll()
        recordCount = 0
    }

    /// Adds a record of the partition with this number, counted through all topics in order; nil: of the group's next body nothing is
    /// stored. The bodies of a group's records follow with `addBodies`.
    @inline(__always)
    func add(partition: Int?, offset: Int64, timestamp: Int64, bodyBytes: Int) {
        JournalFormat.RecordHead(
            partition: partition ?? JournalFormat.RecordHead.notStored, bodyBytes: bodyBytes, offset: offset, timestamp: timestamp
        ).append(to: &heads)
        recordCount += 1
    }

    /// Adds the bodies of a group, to all of whose entries `add` was called.
    func addBodies(_ group: JournaledGroup) {
        if group.blocks.count == 0 { return loose.append(copying: group.group.bodies.bytes) }
        closeLoose()
        JournalFormat.PieceHead(bodyBytes: group.group.byteCount, blocksBytes: group.blocks.count).append(to: &pieces)
        pieces.append(copying: group.blocks.bytes)
    }

    /// Adds a batch that came whole. What is compressed already is not compressed again.
    func add(_ batch: UnsafeRawBufferPointer, partition: Int, offset: Int64, timestamp: Int64) {
        JournalFormat.RecordHead(
            partition: partition, bodyBytes: batch.count, offset: offset, timestamp: timestamp, isWholeBatch: true
        ).append(to: &heads)
        recordCount += 1
        closeLoose()
        JournalFormat.PieceHead(bodyBytes: batch.count, blocksBytes: batch.count, isPlain: true).append(to: &pieces)
        pieces.append(copying: batch)
    }

    private func closeLoose() {
        if loose.count == 0 { return }
        let start = pieces.count
        _ = pieces.reserve(JournalFormat.PieceHead.byteCount)
        pieces.advance(by: JournalFormat.PieceHead.byteCount)
        LZ4Block.compress(loose.bytes, appendingTo: &pieces)
        JournalFormat.PieceHead(bodyBytes: loose.count, blocksBytes: pieces.count - start - JournalFormat.PieceHead.byteCount)
            .write(to: pieces.base + start)
        loose.removeAll()
    }

    /// How a commit can fail.
    enum Failure: Error {
        /// Nothing was written, and the same may succeed later.
        case refused(FileError)
        /// What is on disk is unknown.
        case failed(FileError)
    }

    func write() throws(Failure) {
        precondition(recordCount > 0)
        if let failure { throw .failed(failure) }
        entry.removeAll()
        _ = entry.reserve(JournalFormat.EntryHead.byteCount)
        entry.advance(by: JournalFormat.EntryHead.byteCount)
        LZ4Block.compress(heads.bytes, appendingTo: &entry)
        let headBlocksBytes = entry.count - JournalFormat.EntryHead.byteCount
        closeLoose()
        entry.append(copying: pieces.bytes)
        var file = try fileWithRoom()
        let head = JournalFormat.EntryHead(
            salt: file.salt, sequence: nextSequence, payloadBytes: entry.count - JournalFormat.EntryHead.byteCount,
            headBlocksBytes: headBlocksBytes, recordCount: recordCount)
        // Whole pages, so that nothing of an older entry is left in the last one.
        entry.appendZeros(head.totalBytes - entry.count)
        head.write(to: entry.base)
        do throws(FileError) {
            try file.file.writeAll(entry.bytes, at: file.position)
        } catch {
            // What was written of it is no entry: it is not whole, and the next one is written over it.
            if error.isNoRoom { throw .refused(error) }
            failure = error
            throw .failed(error)
        }
        file.position += entry.count
        current = file
        nextSequence += 1
        bytesSinceCheckpoint += entry.count
    }

    func sync() throws(FileError) {
        if let failure { throw failure }
        guard let current else { return }
        do throws(FileError) {
            try current.file.sync()
        } catch {
            failure = error
            throw error
        }
    }

    /// The current file, or the next one where that is full, or grows and a prepared one is ready. Where there is no next one, the
    /// current one grows: nothing is on disk by then that could be an entry.
    private func fileWithRoom() throws(Failure) -> OpenFile {
        let (hasReady, fullCount) = shared.withLock { (!$0.ready.isEmpty, $0.full.count) }
        if let current {
            let isFull = current.position >= fileBytes
            let isReplaced = !current.isPrepared && hasReady && current.position > current.firstEntry
            guard isFull || isReplaced else { return current }
            if !hasReady && fullCount >= Self.fullFilesMax {
                throw .refused(tooManyFull(fullCount))
            }
        }
        do throws(FileError) {
            return try nextFile()
        } catch {
            guard let current, current.position < JournalFormat.fileBytesMax / 2 else { throw .refused(error) }
            return current
        }
    }

    /// Whether so many files were begun that recovery points should move, although little may have been written: each new topic begins one.
    var isCrowded: Bool { filesSinceCheckpoint >= Self.fullFilesMax / 2 }

    private func tooManyFull(_ count: Int) -> FileError {
        FileError(
            operation: "continue", path: path, number: 0,
            reason: "\(count) files wait for a recovery point; the disk is too slow, or the points cannot be written")
    }

    private func nextFile() throws(FileError) -> OpenFile {
        let ready = shared.withLock { $0.ready.popLast() }
        let file = if let ready { ready } else { try makeFile() }
        let head = JournalFormat.FileHead(
            firstSequence: nextSequence, salt: UInt64.random(in: 0...UInt64.max), topics: topics)
        do throws(FileError) {
            try file.writeAll(head.encoded(), at: 0)
        } catch {
            remove(file)
            throw error
        }
        if let current {
            shared.withLock { $0.full.append((current.file, nextSequence - 1, current.isPrepared)) }
        }
        hasAskedForSpare = false
        filesSinceCheckpoint += 1
        let opened = OpenFile(
            file: file, isPrepared: ready != nil, salt: head.salt, firstEntry: head.byteCount, position: head.byteCount)
        current = opened
        return opened
    }

    /// A new, empty file, whose name is durable.
    private func makeFile() throws(FileError) -> any File {
        if !shared.withLock({ $0.isFolderDurable }) {
            try fileSystem.createDirectory(path)
            try fileSystem.syncDirectory(FileNames.parent(of: path))
            shared.withLock { $0.isFolderDurable = true }
        }
        let file = try fileSystem.open("\(path)/\(JournalFiles.name(takeName()))", .readWrite)
        do throws(FileError) {
            try fileSystem.syncDirectory(path)
            return file
        } catch {
            remove(file)
            throw error
        }
    }

    private func takeName() -> Int {
        shared.withLock { shared in
            defer { shared.nextName += 1 }
            return shared.nextName
        }
    }

    // MARK: Recovery points

    /// Returns what `finishCheckpoint` is to be told once everything so far is in the segments' files and those are synced.
    func prepareCheckpoint() -> UInt64 {
        bytesSinceCheckpoint = 0
        filesSinceCheckpoint = 0
        return nextSequence
    }

    /// All entries before `sequence` are below durable recovery points: files that hold no others can be written again.
    func finishCheckpoint(before sequence: UInt64) {
        let done = shared.withLock { shared in
            let done = shared.full.filter { $0.lastSequence < sequence }
            shared.full.removeAll { $0.lastSequence < sequence }
            shared.ready += done.filter(\.isPrepared).map(\.file)
            return done
        }
        for file in done where !file.isPrepared { remove(file.file) }
    }

    /// A partition's recovery point cannot move any more: what was written until now stays for the next start.
    func pin() {
        shared.withLock { shared in
            shared.pinned += shared.full.map(\.file)
            shared.full = []
            if let current { shared.pinned.append(current.file) }
        }
        current = nil
    }

    /// Whether there are files that the next start needs whatever becomes of this run.
    var isPinned: Bool { shared.withLock { !$0.pinned.isEmpty } }

    /// Keeps files of a run before for the next start.
    func keep(_ files: [any File]) { shared.withLock { $0.pinned += files } }

    /// Takes over files of a run before, all of whose records are below durable recovery points.
    func reuse(_ files: [any File]) {
        for file in files {
            if let size = try? file.size(), size >= fileBytes, shared.withLock({ $0.ready.count }) < Self.readyFilesMax {
                shared.withLock { $0.ready.append(file) }
            } else {
                remove(file)
            }
        }
    }

    /// Whether a prepared file will soon be of use. True once for each file: where there is no room for a spare, nobody is to try again
    /// with every commit.
    func wantsSpare() -> Bool {
        guard failure == nil, !hasAskedForSpare, let current, current.position > fileBytes / 8,
            shared.withLock({ $0.ready.isEmpty && $0.full.count < 2 })
        else { return false }
        hasAskedForSpare = true
        return true
    }

    /// Makes a file all of whose pages have been written. Where that fails, or there is little room, the journal goes on in one that
    /// grows.
    func prepareSpare() {
        // Asked for while one was made.
        guard shared.withLock({ $0.ready.isEmpty }) else { return }
        guard let free = try? fileSystem.freeBytes(FileNames.parent(of: path)), free >= Self.roomForSpare * fileBytes,
            let file = try? makeFile()
        else { return }
        do throws(FileError) {
            // Bit by bit: a commit's sync waits behind what the disk has to do.
            let zeros = [UInt8](repeating: 0, count: min(fileBytes, Self.preparedBytes))
            var position = 0
            while position < fileBytes {
                try file.writeAll(zeros, at: position)
                try file.sync()
                position += zeros.count
            }
            shared.withLock { $0.ready.append(file) }
        } catch {
            remove(file)
        }
    }

    private func remove(_ file: any File) {
        file.close()
        // One that stays is read again at the next start, and holds nothing that is needed.
        try? fileSystem.remove(file.path)
    }

    // MARK: Closing

    /// Closes the files. Where `isEmpty`, all that is in them is below durable recovery points, and they are removed, but for those
    /// that are pinned.
    func close(isEmpty: Bool) {
        let (files, pinned) = shared.withLock { shared in
            defer { shared = Shared(nextName: shared.nextName, isFolderDurable: true) }
            return (shared.ready + shared.full.map(\.file), shared.pinned)
        }
        for file in files + (current.map { [$0.file] } ?? []) {
            // While some are pinned, where the journal begins is not known to the next start: the others tell which sequences were used.
            if isEmpty && failure == nil && pinned.isEmpty { remove(file) } else { file.close() }
        }
        for file in pinned { file.close() }
        current = nil
    }
}

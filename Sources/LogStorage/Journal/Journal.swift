internal import EventLog
internal import RecordFormat
internal import Synchronization

/// The commits since the last recovery points: one entry each, made durable by one sync of one file, however many partitions the
/// commit went to. The segments get the same records at once, and are synced when a recovery point moves.
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
/// Threads: `begin`, `add`, `write`, `sync`, `prepareCheckpoint`, `pin`, `close` belong to the commit loop; `finishCheckpoint` and
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
    }

    private let path: String
    private let fileSystem: any FileSystem
    private let topics: [(name: TopicName, partitionCount: Int)]
    private let fileBytes: Int
    private let shared: Mutex<Shared>

    private var current: OpenFile?
    // Every record touches these: not checked for overlapping accesses, which `add` cannot make.
    @exclusivity(unchecked) private var records = GrowableBytes()
    @exclusivity(unchecked) private var recordCount = 0
    private var entry = GrowableBytes()
    private var nextSequence: UInt64
    private var failure: FileError?
    /// Bytes written since the last recovery points were prepared.
    private(set) var bytesSinceCheckpoint = 0

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
        path: String, fileSystem: any FileSystem, topics: [TopicDefinition], fileBytes: Int, firstSequence: UInt64,
        nextName: Int
    ) {
        self.path = path
        self.fileSystem = fileSystem
        self.topics = topics.map { ($0.name, $0.partitionCount) }
        self.fileBytes = fileBytes
        nextSequence = firstSequence
        shared = Mutex(Shared(nextName: nextName))
    }

    // MARK: A commit: begin, add*, write, sync

    func begin() {
        if records.capacity > Self.bytesKept { records = GrowableBytes() }
        if entry.capacity > Self.bytesKept { entry = GrowableBytes() }
        records.removeAll()
        recordCount = 0
    }

    /// Adds a record of the partition with this number, counted through all topics in order.
    @inline(__always)
    func add(partition: Int, offset: Int64, timestamp: Int64, body: UnsafeRawBufferPointer) {
        JournalFormat.RecordHead(partition: partition, bodyBytes: body.count, offset: offset, timestamp: timestamp)
            .append(to: &records)
        records.append(copying: body)
        recordCount += 1
    }

    /// How a commit can fail.
    enum Failure: Error {
        /// No room: nothing was written, and the same may succeed later.
        case noRoom(FileError)
        /// What is on disk is unknown.
        case failed(FileError)
    }

    func write() throws(Failure) {
        precondition(recordCount > 0)
        if let failure { throw .failed(failure) }
        entry.removeAll()
        _ = entry.reserve(JournalFormat.EntryHead.byteCount)
        entry.advance(by: JournalFormat.EntryHead.byteCount)
        LZ4Block.compress(records.bytes, appendingTo: &entry)
        do throws(FileError) {
            var file = try fileWithRoom()
            let head = JournalFormat.EntryHead(
                salt: file.salt, sequence: nextSequence, payloadBytes: entry.count - JournalFormat.EntryHead.byteCount,
                recordBytes: records.count, recordCount: recordCount)
            head.write(to: entry.base)
            // Whole pages, so that nothing of an older entry is left in the last one.
            entry.appendZeros(head.totalBytes - entry.count)
            try file.file.writeAll(entry.bytes, at: file.position)
            file.position += entry.count
            current = file
        } catch {
            // What was written of it is no entry: it is not whole, and the next one is written over it.
            if error.isNoRoom { throw .noRoom(error) }
            failure = error
            throw .failed(error)
        }
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

    /// The current file, or the next one where that is full, or grows and a prepared one is ready.
    private func fileWithRoom() throws(FileError) -> OpenFile {
        let (ready, fullCount) = shared.withLock { ($0.ready.popLast(), $0.full.count) }
        func putBack() { if let ready { shared.withLock { $0.ready.append(ready) } } }
        if let current {
            let isFull = current.position >= fileBytes
            guard isFull || (!current.isPrepared && ready != nil && current.position > current.firstEntry) else {
                putBack()
                return current
            }
            guard ready != nil || fullCount < Self.fullFilesMax else {
                throw FileError(
                    operation: "continue", path: path, number: FileError.noRoomNumber,
                    reason: "\(fullCount) files wait for a recovery point")
            }
        }
        let file: any File
        let isPrepared = ready != nil
        if let ready {
            file = ready
        } else {
            file = try makeFile()
        }
        let head = JournalFormat.FileHead(
            firstSequence: nextSequence, salt: UInt64.random(in: 0...UInt64.max), topics: topics)
        do throws(FileError) {
            try file.writeAll(head.encoded(), at: 0)
        } catch {
            if isPrepared { putBack() } else { file.close() }
            throw error
        }
        if let current {
            shared.withLock { $0.full.append((current.file, nextSequence - 1, current.isPrepared)) }
        }
        let opened = OpenFile(
            file: file, isPrepared: isPrepared, salt: head.salt, firstEntry: head.byteCount, position: head.byteCount)
        current = opened
        return opened
    }

    /// A new, empty file, whose name is durable.
    private func makeFile() throws(FileError) -> any File {
        if try !fileSystem.exists(path) {
            try fileSystem.createDirectory(path)
            try fileSystem.syncDirectory(FileNames.parent(of: path))
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

    /// To be called where nothing commits: everything so far is in the segments' files. Returns what `finishCheckpoint` is to be
    /// told once those are synced.
    func prepareCheckpoint() -> UInt64 {
        bytesSinceCheckpoint = 0
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

    /// Whether a prepared file will soon be of use.
    var wantsSpare: Bool {
        guard failure == nil, let current, current.position > fileBytes / 8 else { return false }
        return shared.withLock { $0.ready.isEmpty && $0.full.count < 2 }
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
            defer { shared = Shared(nextName: shared.nextName) }
            return (shared.ready + shared.full.map(\.file), shared.pinned)
        }
        for file in files + (current.map { [$0.file] } ?? []) {
            if isEmpty && failure == nil { remove(file) } else { file.close() }
        }
        for file in pinned { file.close() }
        current = nil
    }
}

package import LogStorage
internal import Synchronization

/// Files in memory with a page cache of their own, so that the engine's real code meets what machines do: writes that are
/// lost, torn or reordered by a power cut, calls that fail, a disk that is full, a stop at any step.
///
/// The rules are POSIX', taken at their strictest: nothing is on the disk before its file was synced, no name before its
/// folder was; a sync that fails leaves pages that are clean in memory and may never have reached the disk.
package final class SimulatedFileSystem: FileSystem {
    /// How the run before ended.
    package enum Stop: Sendable {
        /// The process ended; the page cache goes on.
        case kill
        /// The machine ended; the disk has what was synced and any part of what was not.
        case powerCut
    }

    package enum Call: CaseIterable, Sendable { case open, write, sync, truncate, rename, remove, syncDirectory }

    struct State {
        var random: SeededGenerator
        var inodes: [Int: SimulatedInode] = [:]
        /// Names as the running system sees them, and as the disk has them.
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        var pendingNames: [NameChange] = []
        var folders: Set<String> = []
        var locks: Set<String> = []
        var generation = 0
        var isDown = false

        /// Calls that changed something or could have.
        var steps = 0
        var stopAtStep: Int?
        /// One in so many of these calls fails; none where it is missing.
        var failureOdds: [Call: UInt64] = [:]
        var failures = 0
        var capacity: Int?
        var tellsCapacity = true
        /// Writes take at most so much at once.
        var writeBytesMax: Int?
        /// Whether what was synced survives a power cut. A disk that lies about it breaks every promise of the log.
        var syncsReachDisk = true
    }

    enum NameChange {
        case link(String, Int)
        case unlink(String)
        case rename(String, String, Int)

        var folder: String {
            switch self {
            case .link(let path, _), .unlink(let path), .rename(_, let path, _): FileNames.parent(of: path)
            }
        }
    }

    let state: Mutex<State>

    package init(seed: UInt64, syncsReachDisk: Bool = true) {
        var state = State(random: SeededGenerator(seed: seed))
        state.syncsReachDisk = syncsReachDisk
        self.state = Mutex(state)
    }

    // MARK: What a simulation does to it

    /// After so many more steps the machine stops; nil: never.
    package func stop(afterSteps steps: Int?) {
        state.withLock { state in state.stopAtStep = steps.map { state.steps + $0 } }
    }

    package func setFailureOdds(_ odds: [Call: UInt64]) { state.withLock { $0.failureOdds = odds } }
    /// Where it is not told, as with quotas, a full disk is found by writing.
    package func setCapacity(_ byteCount: Int?, isTold: Bool = true) {
        state.withLock { state in
            state.capacity = byteCount
            state.tellsCapacity = isTold
        }
    }
    package func setWriteBytesMax(_ byteCount: Int?) { state.withLock { $0.writeBytesMax = byteCount } }
    package var isDown: Bool { state.withLock { $0.isDown } }
    package var steps: Int { state.withLock { $0.steps } }
    /// Calls that failed although the machine ran.
    package var failures: Int { state.withLock { $0.failures } }
    package var usedBytes: Int { state.withLock { $0.usedBytes } }

    /// Ends the run, in the middle of whatever it was doing, and makes the disk ready for the next one.
    package func restart(after stop: Stop) {
        state.withLock { state in
            if stop == .powerCut { state.losePower() }
            state.generation += 1
            state.locks = []
            state.isDown = false
            state.stopAtStep = nil
        }
    }

    /// The file as the running system sees it; nil where there is none.
    package func bytes(_ path: String) -> [UInt8]? {
        state.withLock { state in state.names[path].map { state.inodes[$0]!.contents } }
    }

    /// Puts a file there as if it had always been: what damage is made with.
    package func put(_ bytes: [UInt8], at path: String) {
        state.withLock { state in
            let number = state.names[path] ?? state.newInode()
            state.inodes[number] = SimulatedInode(durable: bytes)
            state.names[path] = number
            state.durableNames[path] = number
        }
    }

    package func delete(_ path: String) {
        state.withLock { state in
            state.names[path] = nil
            state.durableNames[path] = nil
        }
    }

    package var paths: [String] { state.withLock { $0.names.keys.sorted() } }

    // MARK: FileSystem

    package func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File {
        try change { state throws(FileError) in
            if let number = state.names[path] {
                return SimulatedFile(path: path, inode: number, generation: state.generation, system: self)
            }
            guard access == .readWrite else { throw SimulatedFileSystem.error("open", path, 2, "No such file or directory") }
            try state.step(.open, path)
            let number = state.newInode()
            state.names[path] = number
            state.pendingNames.append(.link(path, number))
            try state.afterStep(path)
            return SimulatedFile(path: path, inode: number, generation: state.generation, system: self)
        }
    }

    package func list(_ path: String) throws(FileError) -> [String] {
        try change { state throws(FileError) in
            try state.check(path)
            let prefix = path + "/"
            var found: [String] = []
            for entry in Array(state.names.keys) + Array(state.folders) where entry.hasPrefix(prefix) {
                let name = entry.dropFirst(prefix.count)
                if !name.contains("/") { found.append(String(name)) }
            }
            return found.sorted()
        }
    }

    package func createDirectory(_ path: String) throws(FileError) {
        try change { state throws(FileError) in
            try state.check(path)
            // Folders are made once, before anything is acknowledged; they are not what this is about.
            state.folders.insert(path)
        }
    }

    package func exists(_ path: String) throws(FileError) -> Bool {
        try change { state throws(FileError) in
            try state.check(path)
            return state.names[path] != nil || state.folders.contains(path)
        }
    }

    package func remove(_ path: String) throws(FileError) {
        try change { state throws(FileError) in
            try state.step(.remove, path)
            guard state.names.removeValue(forKey: path) != nil else {
                throw SimulatedFileSystem.error("remove", path, 2, "No such file or directory")
            }
            state.pendingNames.append(.unlink(path))
            try state.afterStep(path)
        }
    }

    package func removeDirectory(_ path: String) throws(FileError) {
        try change { state throws(FileError) in
            try state.step(.remove, path)
            guard !state.names.keys.contains(where: { $0.hasPrefix(path + "/") }), state.folders.remove(path) != nil else {
                throw SimulatedFileSystem.error("remove folder", path, 39, "Directory not empty")
            }
            try state.afterStep(path)
        }
    }

    package func rename(_ path: String, to target: String) throws(FileError) {
        try change { state throws(FileError) in
            try state.step(.rename, path)
            guard let number = state.names.removeValue(forKey: path) else {
                throw SimulatedFileSystem.error("rename", path, 2, "No such file or directory")
            }
            state.names[target] = number
            state.pendingNames.append(.rename(path, target, number))
            try state.afterStep(path)
        }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        try change { state throws(FileError) in
            try state.step(.syncDirectory, path)
            if state.syncsReachDisk {
                for change in state.pendingNames where change.folder == path { state.apply(change) }
                state.pendingNames.removeAll { $0.folder == path }
            }
            try state.afterStep(path)
        }
    }

    package func freeBytes(_ path: String) throws(FileError) -> Int {
        state.withLock { state in ((state.tellsCapacity ? state.capacity : nil) ?? Int.max / 2) - state.usedBytes }
    }

    package func lockContents(_ path: String) throws(FileError) -> String? {
        try change { state throws(FileError) in state.locks.contains(path) ? "1\n" : nil }
    }

    package func lock(_ path: String, contents: String) throws(FileError) -> LockOutcome {
        try change { state throws(FileError) in
            try state.check(path)
            guard state.locks.insert(path).inserted else { return .held(by: "1\n") }
            return .acquired(SimulatedLock(path: path, generation: state.generation, system: self))
        }
    }

    // MARK: Inside

    func change<Result>(_ body: (inout State) throws(FileError) -> Result) throws(FileError) -> Result {
        let outcome = state.withLock { state -> Swift.Result<Result, FileError> in
            do throws(FileError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    static func error(_ operation: String, _ path: String, _ number: Int32, _ reason: String) -> FileError {
        FileError(operation: operation, path: path, number: number, reason: reason)
    }
}

private final class SimulatedLock: FileLock {
    static let byteCount = 4096

    private let path: String
    private let generation: Int
    private let system: SimulatedFileSystem

    init(path: String, generation: Int, system: SimulatedFileSystem) {
        self.path = path
        self.generation = generation
        self.system = system
    }

    func write(_ contents: String) {}
    func release() {
        system.state.withLock { state in
            if state.generation == generation { state.locks.remove(path) }
        }
    }
}

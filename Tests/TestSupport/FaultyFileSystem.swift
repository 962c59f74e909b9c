internal import Glibc
package import LogStorage
package import Synchronization

/// The real files, with calls that fail on demand.
package final class FaultyFileSystem: FileSystem {
    package enum Call: Hashable, Sendable { case open, write, sync, rename, syncDirectory, truncate }

    package struct Plan {
        /// Calls of this kind still let through before one fails; nil: none fails.
        package var callsUntilFailure: [Call: Int] = [:]
        package var counts: [Call: Int] = [:]
        /// The most bytes a single write takes.
        package var writeBytesMax = Int.max
        /// What `freeBytes` says; nil: the truth.
        package var freeBytes: Int?
        /// Only calls for paths that hold this fail; nil: all of them.
        package var failingPath: String?
        /// The error number of failures (EIO).
        package var number: Int32 = 5
    }

    package let plan = Mutex(Plan())
    private let real = PosixFileSystem()

    package init() {}

    /// Lets `calls` calls of this kind pass, and fails all that follow: those for paths that hold `path`, where it is given.
    package func fail(_ call: Call, after calls: Int = 0, path: String? = nil) {
        plan.withLock { plan in
            plan.callsUntilFailure[call] = calls
            plan.failingPath = path
        }
    }
    package func heal() { plan.withLock { $0.callsUntilFailure = [:] } }
    package func count(of call: Call) -> Int { plan.withLock { $0.counts[call] ?? 0 } }

    func pass(_ call: Call, _ path: String) throws(FileError) {
        let number = plan.withLock { plan -> Int32? in
            plan.counts[call, default: 0] += 1
            guard let left = plan.callsUntilFailure[call], plan.failingPath.map({ path.contains($0) }) ?? true else { return nil }
            plan.callsUntilFailure[call] = max(0, left - 1)
            return left == 0 ? plan.number : nil
        }
        if let number { throw FileError(operation: "\(call)", path: path, number: number, reason: "injected") }
    }

    package func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File {
        if access != .readOnly { try pass(.open, path) }
        return FaultyFile(file: try real.open(path, access), system: self)
    }
    package func list(_ path: String) throws(FileError) -> [String] { try real.list(path) }
    package func createDirectory(_ path: String) throws(FileError) { try real.createDirectory(path) }
    package func exists(_ path: String) throws(FileError) -> Bool { try real.exists(path) }
    package func remove(_ path: String) throws(FileError) { try real.remove(path) }
    package func removeDirectory(_ path: String) throws(FileError) { try real.removeDirectory(path) }
    package func rename(_ path: String, to target: String) throws(FileError) {
        try pass(.rename, path)
        try real.rename(path, to: target)
    }
    package func syncDirectory(_ path: String) throws(FileError) {
        try pass(.syncDirectory, path)
        try real.syncDirectory(path)
    }
    package func freeBytes(_ path: String) throws(FileError) -> Int {
        if let freeBytes = plan.withLock({ $0.freeBytes }) { return freeBytes }
        return try real.freeBytes(path)
    }
    package func lockContents(_ path: String) throws(FileError) -> String? { try real.lockContents(path) }
    package func lock(_ path: String, contents: String) throws(FileError) -> LockOutcome {
        try real.lock(path, contents: contents)
    }
}

private final class FaultyFile: File {
    let file: any File
    let system: FaultyFileSystem
    var path: String { file.path }

    init(file: any File, system: FaultyFileSystem) {
        self.file = file
        self.system = system
    }

    func size() throws(FileError) -> Int { try file.size() }
    func read(into target: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        try file.read(into: target, at: position)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) -> Int {
        try system.pass(.write, path)
        let most = system.plan.withLock { $0.writeBytesMax }
        return try file.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(most)), at: position)
    }
    func sync() throws(FileError) {
        try system.pass(.sync, path)
        try file.sync()
    }
    func truncate(to byteCount: Int) throws(FileError) {
        try system.pass(.truncate, path)
        try file.truncate(to: byteCount)
    }
    func close() { file.close() }
}

import LogStorage
import Synchronization
import TestSupport

/// Calls `hook` once, before the file at `path` is opened.
final class HookedFileSystem: FileSystem {
    private let inner: SimulatedFileSystem
    private let path: String
    private let hook: Mutex<(@Sendable () -> Void)?>

    init(_ inner: SimulatedFileSystem, before path: String, _ hook: @escaping @Sendable () -> Void) {
        self.inner = inner
        self.path = path
        self.hook = Mutex(hook)
    }

    func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File {
        if path == self.path {
            let hook = hook.withLock { hook in
                defer { hook = nil }
                return hook
            }
            hook?()
        }
        return try inner.open(path, access)
    }
    func list(_ path: String) throws(FileError) -> [String] { try inner.list(path) }
    func createDirectory(_ path: String) throws(FileError) { try inner.createDirectory(path) }
    func exists(_ path: String) throws(FileError) -> Bool { try inner.exists(path) }
    func remove(_ path: String) throws(FileError) { try inner.remove(path) }
    func removeDirectory(_ path: String) throws(FileError) { try inner.removeDirectory(path) }
    func rename(_ path: String, to target: String) throws(FileError) { try inner.rename(path, to: target) }
    func syncDirectory(_ path: String) throws(FileError) { try inner.syncDirectory(path) }
    func freeBytes(_ path: String) throws(FileError) -> Int { try inner.freeBytes(path) }
    func lockContents(_ path: String) throws(FileError) -> String? { try inner.lockContents(path) }
    func lock(_ path: String, contents: String) throws(FileError) -> LockOutcome { try inner.lock(path, contents: contents) }
}

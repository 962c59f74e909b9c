internal import Glibc
internal import Synchronization

/// The real files.
package struct PosixFileSystem: FileSystem {
    /// The rights of files that are made.
    private let fileMode: mode_t

    package init(fileMode: UInt32 = 0o640) { self.fileMode = fileMode }

    package func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File {
        let flags =
            switch access {
            case .readOnly: O_RDONLY | O_CLOEXEC
            case .update: O_RDWR | O_CLOEXEC
            case .readWrite: O_RDWR | O_CREAT | O_CLOEXEC
            }
        return try PosixFile(opening: path, flags, fileMode)
    }

    package func list(_ path: String) throws(FileError) -> [String] {
        guard let directory = opendir(path) else { throw systemError("list", path) }
        defer { closedir(directory) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw systemError("list", path) }
        return names
    }

    package func createDirectory(_ path: String) throws(FileError) {
        guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw systemError("create folder", path) }
    }

    package func exists(_ path: String) throws(FileError) -> Bool {
        if access(path, F_OK) == 0 { return true }
        guard errno == ENOENT else { throw systemError("look up", path) }
        return false
    }

    package func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 else { throw systemError("remove", path) }
    }

    package func removeDirectory(_ path: String) throws(FileError) {
        guard rmdir(path) == 0 else { throw systemError("remove folder", path) }
    }

    package func rename(_ path: String, to target: String) throws(FileError) {
        guard Glibc.rename(path, target) == 0 else { throw systemError("rename to \(target)", path) }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemError("open folder", path) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw systemError("sync folder", path) }
    }

    package func freeBytes(_ path: String) throws(FileError) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw systemError("read the free space of", path) }
        return Int(clamping: status.f_bavail &* status.f_frsize)
    }

    package func lock(_ path: String, contents: String) throws(FileError) -> LockOutcome {
        let file = try PosixFile(opening: path, O_RDWR | O_CREAT | O_CLOEXEC, fileMode)
        do throws(FileError) {
            let folder = try lockedFolder(of: path, LOCK_EX, turn: file)
            guard let folder else {
                defer { file.close() }
                return .held(by: try PosixFileLock.contents(of: file))
            }
            let lock = PosixFileLock(file: file, folder: folder)
            lock.write(contents)
            file.unlock()
            return .acquired(lock)
        } catch {
            file.close()
            throw error
        }
    }

    package func lockContents(_ path: String) throws(FileError) -> String? {
        guard try exists(FileNames.parent(of: path)) else { return nil }
        let file = try exists(path) ? PosixFile(opening: path, O_RDONLY | O_CLOEXEC, fileMode) : nil
        defer { file?.close() }
        if let folder = try lockedFolder(of: path, LOCK_SH, turn: file) {
            folder.close()
            return nil
        }
        return try file.map { file throws(FileError) in try PosixFileLock.contents(of: file) } ?? ""
    }

    /// The folder, locked; nil where another process holds it. The lock is the folder's and not its file's, for somebody may remove
    /// that one. Its file gives the turn: who takes the lock and who looks at it go one after the other, so that nobody reads what
    /// the holder says between the taking and the writing, or is refused because another one looks.
    private func lockedFolder(of path: String, _ kind: Int32, turn: PosixFile?) throws(FileError) -> PosixFile? {
        for _ in 0..<Self.turnAttempts {
            if try turn?.lock(kind) ?? true { break }
            // Held by somebody else for microseconds, or for good by one who is no service; that must not stop us.
            usleep(Self.turnPauseMicroseconds)
        }
        let folder = try PosixFile(opening: FileNames.parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        do throws(FileError) {
            if try folder.lock(kind) { return folder }
        } catch {
            folder.close()
            throw error
        }
        folder.close()
        return nil
    }

    private static let turnAttempts = 1000
    private static let turnPauseMicroseconds: UInt32 = 1000
}

/// The lock is the folder's open descriptor's: closing it, or the end of the process, releases it. The file says who holds it, and stays.
private final class PosixFileLock: FileLock {
    /// Always written whole, filled up with line ends: the first write takes the room that later ones need.
    static let byteCount = 4096

    private let file: PosixFile
    private let folder: PosixFile

    init(file: PosixFile, folder: PosixFile) {
        self.file = file
        self.folder = folder
    }

    static func contents(of file: PosixFile) throws(FileError) -> String {
        String(decoding: try file.readBytes(at: 0, byteCount: byteCount), as: UTF8.self)
    }

    func write(_ contents: String) {
        var bytes = Array(contents.utf8.prefix(Self.byteCount))
        bytes += Array(repeating: UInt8(ascii: "\n"), count: Self.byteCount - bytes.count)
        // The lock holds without it: it only tells others who holds it, and how that one is.
        try? file.writeAll(bytes, at: 0)
    }

    func release() {
        file.close()
        folder.close()
    }
}

private final class PosixFile: File {
    let path: String
    let descriptor: Int32
    private let isClosed = Atomic(false)

    init(opening path: String, _ flags: Int32, _ mode: mode_t) throws(FileError) {
        descriptor = Glibc.open(path, flags, mode)
        self.path = path
        guard descriptor >= 0 else { throw systemError("open", path) }
    }

    /// Takes the `flock` of this kind; false where another one holds it.
    func lock(_ kind: Int32) throws(FileError) -> Bool {
        if flock(descriptor, kind | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw systemError("lock", path) }
        return false
    }

    func unlock() { _ = flock(descriptor, LOCK_UN) }

    func size() throws(FileError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemError("read the size of", path) }
        return Int(status.st_size)
    }

    func read(into target: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int {
        var done = 0
        while done < target.count {
            let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(position + done))
            if count == 0 { break }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw systemError("read", path)
            }
            done += count
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) -> Int {
        while true {
            let count = pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(position))
            if count > 0 || (count == 0 && bytes.isEmpty) { return count }
            if count < 0 && errno == EINTR { continue }
            // A write of nothing without an error would loop for ever above us.
            throw systemError("write", path, number: count == 0 ? EIO : errno)
        }
    }

    func sync() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw systemError("sync", path) }
    }

    func truncate(to byteCount: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw systemError("truncate", path) }
    }

    /// Also when the last reference goes: a reader may hold a segment that retention has removed.
    deinit { close() }

    func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) { Glibc.close(descriptor) }
    }
}

private func systemError(_ operation: String, _ path: String, number: Int32 = errno) -> FileError {
    FileError(operation: operation, path: path, number: number, reason: String(cString: strerror(number)))
}

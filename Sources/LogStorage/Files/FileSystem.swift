/// The engine's whole view of the machine's files. Injected, so that a test can tear a write, fail the n-th sync or crash
/// between two calls while the engine's real code runs.
package protocol FileSystem: Sendable {
    func open(_ path: String, _ access: FileAccess) throws(FileError) -> any File
    /// The entries of a folder, in no order, without `.` and `..`.
    func list(_ path: String) throws(FileError) -> [String]
    /// Makes a folder; one that exists already is fine.
    func createDirectory(_ path: String) throws(FileError)
    func exists(_ path: String) throws(FileError) -> Bool
    func remove(_ path: String) throws(FileError)
    /// Removes an empty folder.
    func removeDirectory(_ path: String) throws(FileError)
    /// Replaces `target` atomically; durable only after `syncDirectory` of the folder.
    func rename(_ path: String, to target: String) throws(FileError)
    /// Makes the folder's entries (creations, renames, removals) durable.
    func syncDirectory(_ path: String) throws(FileError)
    /// The bytes that may still be written on the disk that holds `path`.
    func freeBytes(_ path: String) throws(FileError) -> Int
    /// What the process that holds the lock on `path` has written there; nil where none holds it. Needs no more than the right to
    /// read.
    func lockContents(_ path: String) throws(FileError) -> String?
    /// Locks `path` against every other process, for as long as the result lives. Where another one holds it: nil, and what
    /// that one wrote into the file.
    func lock(_ path: String, contents: String) throws(FileError) -> LockOutcome
}

package enum LockOutcome {
    case acquired(any FileLock)
    case held(by: String)
}

/// Holds a lock until it is released or the process ends.
package protocol FileLock: AnyObject, Sendable {
    /// Replaces what stands in the lock's file, for other processes to read. Takes no new room on the disk as long as it is
    /// shorter than the first contents; where it cannot be written, nothing happens.
    func write(_ contents: String)
    func release()
    /// How many bytes of contents there is room for.
    static var byteCount: Int { get }
}

package enum FileAccess: Sendable {
    case readOnly
    /// An existing file, to be changed.
    case update
    /// Made where it is missing.
    case readWrite
}

/// An open file. Reads may run on any thread at any time; writes come from one thread at a time.
package protocol File: AnyObject, Sendable {
    var path: String { get }
    func size() throws(FileError) -> Int
    /// Reads up to `target.count` bytes; fewer only at the end of the file. Returns how many.
    func read(into target: UnsafeMutableRawBufferPointer, at position: Int) throws(FileError) -> Int
    /// Writes some of `bytes`, at least one, and returns how many.
    func write(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) -> Int
    /// Makes contents and size durable (fdatasync). After a failure nothing may be assumed about what is on disk.
    func sync() throws(FileError)
    func truncate(to byteCount: Int) throws(FileError)
    func close()
}

/// A call that the operating system refused.
package struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    package let operation: String
    package let path: String
    /// The system's error number (`errno`).
    package let number: Int32
    package let reason: String

    package init(operation: String, path: String, number: Int32, reason: String) {
        self.operation = operation
        self.path = path
        self.number = number
        self.reason = reason
    }

    package var description: String { "\(operation) \(path): \(reason)" }

    /// There is no such file.
    package var isNotFound: Bool { number == 2 }

    static let noRoomNumber: Int32 = 28
    /// The disk, or what this user may take of it, is full.
    package var isNoRoom: Bool { number == Self.noRoomNumber || number == 122 }

    /// What an operator can do where a start was refused for this reason; nil where the reason says it all.
    package var advice: String? { Self.advice(number) }

    package static func advice(_ number: Int32) -> String? {
        switch number {
        case 1, 13: "run as the user who owns these files, or give them to this one with chown"
        case 5:
            "check the disk; every file but meta.properties, the .log and those of the journal can be moved away, it is made anew"
        case 28: "make room on that disk, or choose another with --data-dir"
        case 30: "mount it writable, or choose another folder with --data-dir"
        default: nil
        }
    }

    /// The description, and the advice where there is some.
    package var refusal: String { description + (advice.map { "; \($0)" } ?? "") }
}

extension File {
    /// Writes all of `bytes`, however short each single write is.
    package func writeAll(_ bytes: UnsafeRawBufferPointer, at position: Int) throws(FileError) {
        var done = 0
        while done < bytes.count {
            done += try write(UnsafeRawBufferPointer(rebasing: bytes[done...]), at: position + done)
        }
    }

    package func writeAll(_ bytes: [UInt8], at position: Int) throws(FileError) {
        do {
            try bytes.withUnsafeBytes { try writeAll($0, at: position) }
        } catch let error as FileError {
            throw error
        } catch { preconditionFailure("only FileError is thrown above") }
    }

    /// The bytes from `position` on, at most `byteCount` of them.
    package func readBytes(at position: Int, byteCount: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(FileError) {
                count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: position)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension FileSystem {
    /// nil where there is no such file.
    func openIfThere(_ path: String, _ access: FileAccess) throws(FileError) -> (any File)? {
        do throws(FileError) {
            return try open(path, access)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    /// The file; nil where there is none. Of one that is longer than it can be, no more than `byteCountMax` and one byte is read, so
    /// that it cannot take all memory and does not pass for a whole one.
    package func contents(of path: String, byteCountMax: Int) throws(FileError) -> [UInt8]? {
        guard try exists(path) else { return nil }
        let file = try open(path, .readOnly)
        defer { file.close() }
        return try file.readBytes(at: 0, byteCount: min(try file.size(), byteCountMax + 1))
    }

    /// Puts `contents` at `path` so that after a crash either the old or the new file is there, whole.
    package func replace(_ path: String, with contents: [UInt8]) throws(FileError) {
        let temporary = path + FileNames.temporarySuffix
        if try exists(temporary) { try remove(temporary) }
        let file = try open(temporary, .readWrite)
        do throws(FileError) {
            try file.writeAll(contents, at: 0)
            try file.sync()
            file.close()
        } catch {
            file.close()
            throw error
        }
        try rename(temporary, to: path)
        try syncDirectory(FileNames.parent(of: path))
    }
}

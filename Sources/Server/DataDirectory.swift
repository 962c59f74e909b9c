internal import Foundation
internal import LogStorage

/// The folder that holds everything, and small files in it; errors name the path, the reason and what to do.
enum DataDirectory {
    /// Makes the folder, and those above it where they are missing.
    static func make(_ path: String) throws {
        let number = makeFolder(URL(fileURLWithPath: path))
        guard number == 0 else { throw refusal("data directory \(path)", number) }
    }

    /// 0, or the system's error number. What was made is there after a power cut too.
    private static func makeFolder(_ url: URL) -> Int32 {
        if mkdir(url.path, 0o755) == 0 {
            // Where the folder above cannot be synced, the system keeps it as it can; nothing was acknowledged yet.
            try? PosixFileSystem().syncDirectory(url.deletingLastPathComponent().path)
            return 0
        }
        let number = errno
        if number == ENOENT, url.pathComponents.count > 1 {
            let above = makeFolder(url.deletingLastPathComponent())
            return above != 0 ? above : makeFolder(url)
        }
        var isFolder: ObjCBool = false
        let exists = number == EEXIST && FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
        return exists && isFolder.boolValue ? 0 : number
    }

    /// Puts `bytes` at `path`, readable by its owner alone from the first moment on; after a crash either whole or not there. False where
    /// something is there already, which stays: of two processes that do this at once, one does it.
    static func makePrivately(_ bytes: [UInt8], _ path: String) throws -> Bool {
        let own = "\(path).\(getpid())"
        defer { unlink(own) }
        do {
            let fileSystem = PosixFileSystem(fileMode: 0o600)
            try fileSystem.replace(own, with: bytes)
            guard link(own, path) == 0 else {
                if errno == EEXIST { return false }
                throw refusal(path, errno)
            }
            try fileSystem.syncDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path)
            return true
        } catch let error as FileError {
            throw ConfigurationError(error.refusal)
        }
    }

    static func read(_ path: String) throws -> Data? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw refusal(path, errno)
        }
        return try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readToEnd() ?? Data()
    }

    private static func refusal(_ what: String, _ number: Int32) -> ConfigurationError {
        let advice = FileError.advice(number).map { "; \($0)" } ?? ""
        return ConfigurationError("\(what): \(String(cString: strerror(number)))\(advice)")
    }
}

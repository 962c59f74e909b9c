internal import EventModel
internal import Foundation

/// The write key and the admin token that the service makes for itself where none is configured. Kept in the data
/// directory, readable by its owner alone, shown once.
package struct Credentials: Sendable, Equatable {
    package static let fileName = "credentials.json"

    package let writeKey: String
    package let adminToken: String

    /// Reads the file, or makes it. `isNew` says that it was made now.
    package static func load(dataDirectory: String) throws -> (credentials: Credentials, isNew: Bool) {
        let path = "\(dataDirectory)/\(fileName)"
        if FileManager.default.fileExists(atPath: path) {
            let stored = try JSONDecoder().decode(Stored.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            return (Credentials(writeKey: stored.writeKey, adminToken: stored.adminToken), false)
        }
        let made = Credentials(writeKey: randomText(), adminToken: randomText())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let data = try encoder.encode(Stored(writeKey: made.writeKey, adminToken: made.adminToken))
        try writePrivately(data, path)
        return (made, true)
    }

    private struct Stored: Codable {
        let writeKey: String
        let adminToken: String
    }

    /// 192 bits from the system's generator.
    private static func randomText() -> String {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return String((0..<32).map { _ in alphabet[Int(random.next(upperBound: UInt64(64)))] })
    }

    /// No moment in which somebody else could read it: the mode is given when the file is made.
    private static func writePrivately(_ data: Data, _ path: String) throws {
        let temporary = path + ".tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ConfigurationError("\(path): \(String(cString: strerror(errno)))") }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try handle.write(contentsOf: data)
        try handle.synchronize()
        guard rename(temporary, path) == 0 else { throw ConfigurationError("\(path): \(String(cString: strerror(errno)))") }
    }
}

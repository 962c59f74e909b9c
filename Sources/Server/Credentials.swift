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
        if let stored = try stored(path) { return (stored, false) }
        let made = Credentials(writeKey: randomText(), adminToken: randomText())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let data = try encoder.encode(Stored(writeKey: made.writeKey, adminToken: made.adminToken))
        if try DataDirectory.makePrivately(Array(data), path) { return (made, true) }
        guard let others = try stored(path) else { throw ConfigurationError("\(path) has come and gone; start again") }
        return (others, false)
    }

    /// nil: nothing is there.
    private static func stored(_ path: String) throws -> Credentials? {
        guard let data = try DataDirectory.read(path) else { return nil }
        guard let stored = try? JSONDecoder().decode(Stored.self, from: data) else {
            throw ConfigurationError("\(path): is not what was written there; restore it, or remove it to have new keys made")
        }
        return Credentials(writeKey: stored.writeKey, adminToken: stored.adminToken)
    }

    private struct Stored: Codable {
        let writeKey: String
        let adminToken: String
    }

    /// Those that are kept nowhere.
    static func unkept() -> Credentials { Credentials(writeKey: randomText(), adminToken: randomText()) }

    /// 192 bits from the system's generator.
    private static func randomText() -> String {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return String((0..<32).map { _ in alphabet[Int(random.next(upperBound: UInt64(64)))] })
    }
}

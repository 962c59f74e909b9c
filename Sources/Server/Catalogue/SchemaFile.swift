package import EventModel
internal import Foundation

/// Reads the file of a schema.
package enum SchemaFile {
    /// The largest of the built-in ones has 8 KiB.
    package static let bytesMax = 1 << 20

    /// Reads one, which is part of the catalogue under `name`.
    package static func file(_ path: String, name: String) throws -> CatalogueFile {
        CatalogueFile(name: name, text: try read(path, shownAs: path), origin: path)
    }

    /// - Parameter shown: its path as messages have it.
    static func read(_ path: String, shownAs shown: String) throws -> [UInt8] {
        // A pipe that nobody writes to is opened at once too.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        // A socket cannot be opened.
        guard descriptor >= 0 else { throw errno == ENXIO ? notAFile(shown, "socket or device") : unreadable(shown, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(shown, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw notAFile(shown, kind(status.st_mode)) }
        // One more than it may have.
        var text = [UInt8](repeating: 0, count: bytesMax + 1)
        var count = 0
        while count < text.count {
            let got = text.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress! + count, $0.count - count) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw unreadable(shown, errno) }
            if got == 0 { break }
            count += got
        }
        guard count <= bytesMax else {
            throw ConfigurationError("\(shown): has more than \(bytesMax) bytes, the most of a schema")
        }
        return Array(text[..<count])
    }

    // MARK: What is told

    static func unreadable(_ path: String, _ number: Int32) -> ConfigurationError {
        ConfigurationError("\(path): cannot be read: \(reason(number))")
    }

    /// The system's word for it, and what to do where that is known.
    static func reason(_ number: Int32) -> String {
        let advice: String? =
            switch number {
            case EACCES, EPERM: "give the user whom the service runs as the right to read it"
            case ELOOP: "it is a link that leads to itself"
            default: nil
            }
        return String(cString: strerror(number)) + (advice.map { "; \($0)" } ?? "")
    }

    private static func notAFile(_ path: String, _ kind: String) -> ConfigurationError {
        ConfigurationError("\(path): is a \(kind), no file; what is called *.json must be a schema")
    }

    private static func kind(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFDIR: "folder"
        case S_IFIFO: "pipe"
        case S_IFSOCK: "socket"
        default: "device"
        }
    }
}

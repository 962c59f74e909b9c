internal import EventModel
internal import Foundation

/// A file of events, read as they are written: one a line, or one JSON array.
struct EventFile {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let name: String
    private let text: [UInt8]

    /// - Parameter path: "-" for standard input.
    init(_ path: String) throws {
        name = path
        do {
            text = Array(
                path == "-"
                    ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Failure(description: "\(path): \(error.localizedDescription)")
        }
    }

    /// Calls `body` with the text of each event, and where it stands. Stops at the first that is no JSON.
    func forEachEvent(_ body: (String, ArraySlice<UInt8>) throws -> Void) throws {
        guard let first = text.firstIndex(where: { $0 > 0x20 }) else { throw holdsNone }
        if text[first] == UInt8(ascii: "[") { return try forEachElement(body) }
        for (number, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { $0 > 0x20 }) {
            try tellingWhere("\(name), line \(number + 1)") { try body($0, line) }
        }
    }

    private func forEachElement(_ body: (String, ArraySlice<UInt8>) throws -> Void) throws {
        let outline = try tellingWhere(name) { _ in try text.withUnsafeBytes { try JSONGrammar.outline($0) } }
        guard case .array(let elements, _) = outline, !elements.isEmpty else { throw holdsNone }
        for (number, element) in elements.enumerated() {
            try tellingWhere("\(name), event \(number + 1)") { try body($0, text[element]) }
        }
    }

    private var holdsNone: Failure { Failure(description: "\(name): holds no event") }

    private func tellingWhere<Result>(_ place: String, _ body: (String) throws -> Result) throws -> Result {
        do {
            return try body(place)
        } catch let error as JSONGrammar.Violation {
            throw Failure(description: "\(place): \(error.message) at byte \(error.position)")
        }
    }
}

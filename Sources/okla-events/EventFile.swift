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

    /// Calls `body` with each event, and where it stands. Stops at the first that is no JSON.
    func forEachEvent(_ body: (String, JSONValue) throws -> Void) throws {
        guard let first = text.firstIndex(where: { $0 > 0x20 }) else { throw Failure(description: "\(name): holds no event") }
        if text[first] == UInt8(ascii: "[") {
            try parsed(text, name).withRoot { array in
                for (number, event) in array.elements.enumerated() { try body("\(name), event \(number + 1)", event) }
            }
            return
        }
        for (number, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { $0 > 0x20 }) {
            let place = "\(name), line \(number + 1)"
            try parsed(Array(line), place).withRoot { try body(place, $0) }
        }
    }

    private func parsed(_ text: [UInt8], _ place: String) throws(Failure) -> JSONDocument {
        do throws(JSONGrammar.Violation) {
            return try JSONDocument(text)
        } catch {
            throw Failure(description: "\(place): \(error.message) at byte \(error.position)")
        }
    }
}

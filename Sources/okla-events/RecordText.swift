internal import EventModel
internal import Foundation

/// Bytes of records as JSON text, without what a terminal would take for more than text.
enum RecordText {
    /// JSON that nests deeper is shown as text: what reads a line of ours may stop at a thousand levels, and then reads none of it.
    private static let depthMax = 512

    /// A value as it is shown: JSON as its client laid it out, but on one line; anything else as text in quotes.
    static func value(_ bytes: UnsafeRawBufferPointer?) -> String {
        bytes.map { isJSON($0) ? TerminalText.escaped(json: text($0)) : quoted($0) } ?? "null"
    }

    static func quoted(_ bytes: UnsafeRawBufferPointer) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(text(bytes))).map { TerminalText.escaped(json: String(decoding: $0, as: UTF8.self)) }
            ?? "null"
    }

    static func quoted(_ bytes: UnsafeRawBufferPointer?) -> String { bytes.map(quoted) ?? "null" }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func isJSON(_ bytes: UnsafeRawBufferPointer) -> Bool {
        (try? JSONGrammar.outline(bytes, elementsMax: 0, depthMax: depthMax)) != nil
    }
}

internal import Foundation

/// Bytes of records as JSON text.
enum RecordText {
    /// A value as it is shown: JSON as its client laid it out, but on one line; anything else as text in quotes.
    static func value(_ bytes: UnsafeRawBufferPointer?) -> String {
        bytes.map { isJSON($0) ? onOneLine($0) : quoted($0) } ?? "null"
    }

    static func quoted(_ bytes: UnsafeRawBufferPointer) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let text = String(decoding: bytes, as: UTF8.self)
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }

    static func quoted(_ bytes: UnsafeRawBufferPointer?) -> String { bytes.map(quoted) ?? "null" }

    /// A line break in JSON stands only between its parts, never in a string.
    private static func onOneLine(_ json: UnsafeRawBufferPointer) -> String {
        String(decoding: json.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }

    private static func isJSON(_ bytes: UnsafeRawBufferPointer) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
    }
}

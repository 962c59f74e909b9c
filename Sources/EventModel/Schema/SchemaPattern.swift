internal import CRE2

/// A compiled `pattern`. Matching takes time in proportion to the text, whatever the pattern is.
final class SchemaPattern: @unchecked Sendable {
    // Sendable: RE2 lets any number of threads match at once.

    static let patternBytesMax = 4096

    /// As it is written in the schema.
    let source: String
    private let expression: OpaquePointer

    init(_ source: String) throws(ECMAPattern.Refusal) {
        guard source.utf8.count <= Self.patternBytesMax else {
            throw .init(message: "longer than \(Self.patternBytesMax) bytes")
        }
        self.source = source
        var translated = try ECMAPattern.translated(source)
        var reason = [CChar](repeating: 0, count: 256)
        let made = translated.withUTF8 { okla_re2_create($0.baseAddress, $0.count, &reason, reason.count) }
        guard let made else {
            let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw .init(message: text)
        }
        expression = made
    }

    deinit { okla_re2_destroy(expression) }

    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        okla_re2_matches(expression, text.baseAddress?.assumingMemoryBound(to: UInt8.self), text.count)
    }
}

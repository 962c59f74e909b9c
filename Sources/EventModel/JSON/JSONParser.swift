internal import CSimdJSON

/// Parses JSON texts with simdjson into a flat view. Keeps its memory from text to text; for one thread at a time.
public final class JSONParser {
    /// Bytes that must be readable behind a text.
    public static let padding = Int(OKLA_JSON_PADDING)
    /// The longest text, in bytes.
    public static let textBytesMax = Int(OKLA_JSON_TEXT_BYTES_MAX)

    private let parser: OpaquePointer
    /// Of the text that was parsed last.
    private let parts = UnsafeMutablePointer<JSONViewParts>.allocate(capacity: 1)

    /// - Parameter depthMax: how deep arrays and objects may nest, 1 to 1024.
    public init(depthMax: Int) {
        precondition((1...1024).contains(depthMax))
        guard let parser = okla_json_parser_create(UInt32(depthMax)) else { preconditionFailure("no memory") }
        self.parser = parser
    }

    deinit {
        parts.deallocate()
        okla_json_parser_destroy(parser)
    }

    /// Why a text was refused. simdjson does not say where; `JSONGrammar` does.
    public enum Refusal: Error, Equatable {
        case tooDeep
        /// Beyond what a double, or 64 bits, can hold.
        case numberOutOfRange
        /// Not JSON, or a string that is legal JSON but not Unicode (a lone surrogate escape).
        case malformed
        case tooLong
    }

    /// Parses `text`, behind which `padding` bytes are readable.
    ///
    /// - Returns: a view, valid until the next call and as long as `text` is.
    public func parse(_ text: UnsafeRawBufferPointer) throws(Refusal) -> JSONView {
        guard let start = text.baseAddress, text.count > 0 else { throw .malformed }
        var view = okla_json_view()
        let status = okla_json_parse(parser, start.assumingMemoryBound(to: UInt8.self), text.count, &view)
        switch status {
        case 0:
            parts.initialize(
                to: JSONViewParts(
                    text: start, nodes: UnsafeRawPointer(view.nodes).assumingMemoryBound(to: JSONNode.self),
                    strings: UnsafeRawPointer(view.strings), tape: view.tape, valueCount: Int(view.count)))
            return JSONView(parts)
        case 1, 2: throw .tooLong
        case 4: throw .tooDeep
        case 9: throw .numberOutOfRange
        default: throw .malformed
        }
    }
}

/// A JSON text kept with its values, for as long as anyone holds it: schemas, and what they compare events with.
public final class JSONDocument: @unchecked Sendable {
    // Sendable: nothing changes once it is made.

    /// Nesting of such a text.
    public static let depthMax = 128

    /// Readable only as long as somebody holds the document.
    let root: JSONValue
    private let memory: UnsafeMutableRawPointer

    /// - Throws: where and why `text` is no JSON, or none that can be read.
    public init(_ text: [UInt8]) throws(JSONGrammar.Violation) {
        var text = text + Array(repeating: 0, count: JSONParser.padding)
        let count = text.count - JSONParser.padding
        let parser = JSONParser(depthMax: Self.depthMax)
        let kept: Result<(UnsafeMutableRawPointer, JSONView), JSONGrammar.Violation> = text.withUnsafeMutableBytes { bytes in
            let body = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
            return Result { () throws(JSONGrammar.Violation) in
                Self.keep(try Self.view(body, parser), textByteCount: count)
            }
        }
        let (memory, view) = try kept.get()
        self.memory = memory
        root = view.root
    }

    deinit { memory.deallocate() }

    /// Calls `body` with the outermost value, which must not be kept.
    public func withRoot<Success, Failure: Error>(_ body: (JSONValue) throws(Failure) -> Success) throws(Failure) -> Success {
        defer { withExtendedLifetime(self) {} }
        return try body(root)
    }

    private static func view(
        _ text: UnsafeMutableRawBufferPointer, _ parser: JSONParser
    ) throws(JSONGrammar.Violation) -> JSONView {
        let body = UnsafeRawBufferPointer(text)
        if let view = try? parser.parse(body) { return view }
        _ = try JSONGrammar.outline(body, depthMax: depthMax)
        if LoneSurrogates.replace(in: text) > 0, let view = try? parser.parse(body) { return view }
        throw .init(message: "a number out of range", position: 0)
    }

    /// Copies the view out of its parser's memory, which is larger than most texts need.
    private static func keep(_ view: JSONView, textByteCount: Int) -> (UnsafeMutableRawPointer, JSONView) {
        var stringBytes = 0
        var numberWords = 0
        for index in 0..<view.valueCount {
            let value = view.value(index)
            switch value.kind {
            case .string: stringBytes = max(stringBytes, value.payload + 4 + value.stringBytes.count)
            case .integer, .unsignedInteger, .double: numberWords = max(numberWords, value.payload + 1)
            default: break
            }
        }
        // In the order of their alignment.
        let partsBytes = MemoryLayout<JSONViewParts>.stride
        let tapeBytes = numberWords * MemoryLayout<UInt64>.stride
        let nodeBytes = view.valueCount * MemoryLayout<JSONNode>.stride
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: partsBytes + tapeBytes + nodeBytes + stringBytes + textByteCount + NameMark.readableBytes, alignment: 16)
        let tape = memory + partsBytes
        let (nodes, strings) = (tape + tapeBytes, tape + tapeBytes + nodeBytes)
        let text = strings + stringBytes
        tape.copyMemory(from: view.tape, byteCount: tapeBytes)
        nodes.copyMemory(from: view.nodes, byteCount: nodeBytes)
        strings.copyMemory(from: view.strings, byteCount: stringBytes)
        text.copyMemory(from: view.text, byteCount: textByteCount)
        let parts = memory.bindMemory(to: JSONViewParts.self, capacity: 1)
        parts.initialize(
            to: JSONViewParts(
                text: UnsafeRawPointer(text), nodes: UnsafePointer(nodes.assumingMemoryBound(to: JSONNode.self)),
                strings: UnsafeRawPointer(strings), tape: UnsafePointer(tape.assumingMemoryBound(to: UInt64.self)),
                valueCount: view.valueCount))
        return (memory, JSONView(parts))
    }
}

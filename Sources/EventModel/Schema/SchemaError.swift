/// What is wrong with a schema, and where.
public struct SchemaError: Error, Equatable, CustomStringConvertible {
    /// The file, or the URI, of the text.
    public let file: String
    /// JSON Pointer (RFC 6901) to the place in it; empty for the whole.
    public let pointer: String
    public let message: String

    public init(file: String, pointer: String, _ message: String) {
        self.file = file
        self.pointer = pointer
        self.message = message
    }

    public var description: String { "\(file)#\(pointer): \(message)" }
}

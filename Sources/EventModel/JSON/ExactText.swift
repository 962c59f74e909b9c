/// A text that equals another only where both have the same code points, as JSON, URIs and file systems mean it. A `String` also equals
/// those that Unicode calls equivalent, such as é as one code point and as two.
public struct ExactText: Hashable, Comparable, Sendable {
    public let string: String

    public init(_ string: String) { self.string = string }

    public static func == (a: ExactText, b: ExactText) -> Bool { a.string.utf8.elementsEqual(b.string.utf8) }

    /// In the order of code points.
    public static func < (a: ExactText, b: ExactText) -> Bool { a.string.utf8.lexicographicallyPrecedes(b.string.utf8) }

    public func hash(into hasher: inout Hasher) {
        var string = string
        string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension JSONValue {
    /// A string, to be compared with others; nil for anything else.
    var exactText: ExactText? { string.map(ExactText.init) }

    /// Whether it is the string `text`, code point by code point.
    func equals(_ text: ExactText) -> Bool {
        var string = text.string
        return isString && string.withUTF8 { stringBytes.holdsSameBytes(as: UnsafeRawBufferPointer($0)) }
    }
}

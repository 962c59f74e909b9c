/// A parsed text: its values one after the other, each with its place in the text. No larger than a pointer, as values are handed about
/// by the dozen for every event.
public struct JSONView {
    @usableFromInline let parts: UnsafePointer<JSONViewParts>

    init(_ parts: UnsafePointer<JSONViewParts>) { self.parts = parts }

    @inlinable @inline(__always) var text: UnsafeRawPointer { parts.pointee.text }
    @inlinable @inline(__always) var nodes: UnsafePointer<JSONNode> { parts.pointee.nodes }
    @inlinable @inline(__always) var strings: UnsafeRawPointer { parts.pointee.strings }
    @inlinable @inline(__always) var tape: UnsafePointer<UInt64> { parts.pointee.tape }
    public var valueCount: Int { parts.pointee.valueCount }

    public var root: JSONValue { JSONValue(view: self, node: nodes) }

    /// The value, or the name, with this number.
    @inline(__always)
    func value(_ index: Int) -> JSONValue { JSONValue(view: self, node: nodes + index) }
}

/// Where the parts of a view are.
@usableFromInline
struct JSONViewParts {
    @usableFromInline let text: UnsafeRawPointer
    @usableFromInline let nodes: UnsafePointer<JSONNode>
    /// At a string's place its length in four bytes, then its UTF-8.
    @usableFromInline let strings: UnsafeRawPointer
    /// At a number's place its 64 bits.
    @usableFromInline let tape: UnsafePointer<UInt64>
    @usableFromInline let valueCount: Int
}

/// `okla_json_node` as this module's callers may see it, so that a look at a value is a load and not a call.
@usableFromInline
struct JSONNode {
    @usableFromInline let start, end, next, tag: UInt32
}

public enum JSONKind: UInt32, Sendable {
    case null, bool, integer, unsignedInteger, double, string, array, object
}

/// A value, or a member's name, within a `JSONView`.
public struct JSONValue {
    @usableFromInline let view: JSONView
    @usableFromInline let place: UnsafePointer<JSONNode>

    @inlinable @inline(__always)
    init(view: JSONView, node: UnsafePointer<JSONNode>) {
        self.view = view
        place = node
    }

    /// Its number in the view.
    var index: Int { place - view.nodes }
    @inlinable var node: JSONNode { place.pointee }
    @inlinable var payload: Int { Int(node.tag &>> 3) }

    // The tag's low three bits are always one of the eight kinds.
    @inlinable public var kind: JSONKind { JSONKind(rawValue: node.tag & 7)! }
    /// A bit for each kind.
    @inline(__always) var kindBit: UInt16 { 1 &<< UInt16(truncatingIfNeeded: node.tag & 7) }
    @inlinable public var isNull: Bool { node.tag & 7 == JSONKind.null.rawValue }
    @inlinable public var isString: Bool { node.tag & 7 == JSONKind.string.rawValue }
    @inlinable public var isObject: Bool { node.tag & 7 == JSONKind.object.rawValue }
    @inlinable public var isArray: Bool { node.tag & 7 == JSONKind.array.rawValue }

    /// Where it stands in the text.
    @inlinable public var sourceRange: Range<Int> {
        Range(uncheckedBounds: (Int(node.start), Int(node.end)))
    }

    /// Its bytes in the text, a string's quotes included.
    @inlinable public var source: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: view.text + Int(node.start), count: Int(node.end &- node.start))
    }

    /// A string's UTF-8, escapes resolved. Only for strings. Eight bytes can be read from its start on, however short it is.
    @inlinable public var stringBytes: UnsafeRawBufferPointer {
        precondition(isString)
        let place = view.strings + payload
        return UnsafeRawBufferPointer(start: place + 4, count: Int(place.loadUnaligned(as: UInt32.self)))
    }

    /// A string as such; nil for anything else.
    public var string: String? { isString ? String(decoding: stringBytes, as: UTF8.self) : nil }

    public var bool: Bool? { kind == .bool ? payload != 0 : nil }

    /// A number as a double; nil for anything else.
    public var number: Double? {
        switch kind {
        case .integer: Double(Int64(bitPattern: view.tape[payload]))
        case .unsignedInteger: Double(view.tape[payload])
        case .double: Double(bitPattern: view.tape[payload])
        default: nil
        }
    }

    /// A whole number that fits; nil for anything else.
    public var integer: Int64? { kind == .integer ? Int64(bitPattern: view.tape[payload]) : nil }

    /// The same of a value that is known to be one.
    @inline(__always) var integerBits: Int64 { Int64(bitPattern: view.tape[payload]) }

    /// How many values it contains, at any depth, an object's names included.
    @inlinable public var descendantCount: Int { isArray || isObject ? payload : 0 }

    /// An object's members in order; empty for anything else.
    @inlinable public var members: JSONMembers {
        JSONMembers(view: view, place: place + 1, end: isObject ? view.nodes + Int(node.next) : place)
    }

    /// An array's elements in order; empty for anything else.
    @inlinable public var elements: JSONElements {
        JSONElements(view: view, place: place + 1, end: isArray ? view.nodes + Int(node.next) : place)
    }

    /// The first member called `name`.
    @inlinable public func member(_ name: StaticString) -> JSONValue? {
        for (key, value) in members where key.equals(name) { return value }
        return nil
    }

    /// Whether it is the string `text`.
    @inlinable public func equals(_ text: StaticString) -> Bool {
        isString && stringBytes.holdsSameBytes(as: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

public struct JSONMembers: Sequence, IteratorProtocol {
    @usableFromInline let view: JSONView
    @usableFromInline var place: UnsafePointer<JSONNode>
    @usableFromInline let end: UnsafePointer<JSONNode>

    @inlinable init(view: JSONView, place: UnsafePointer<JSONNode>, end: UnsafePointer<JSONNode>) {
        self.view = view
        self.place = place
        self.end = end
    }

    @inlinable public mutating func next() -> (key: JSONValue, value: JSONValue)? {
        guard place < end else { return nil }
        let key = JSONValue(view: view, node: place)
        let value = JSONValue(view: view, node: place + 1)
        place = view.nodes + Int(value.node.next)
        return (key, value)
    }
}

public struct JSONElements: Sequence, IteratorProtocol {
    @usableFromInline let view: JSONView
    @usableFromInline var place: UnsafePointer<JSONNode>
    @usableFromInline let end: UnsafePointer<JSONNode>

    @inlinable init(view: JSONView, place: UnsafePointer<JSONNode>, end: UnsafePointer<JSONNode>) {
        self.view = view
        self.place = place
        self.end = end
    }

    @inlinable public mutating func next() -> JSONValue? {
        guard place < end else { return nil }
        let element = JSONValue(view: view, node: place)
        place = view.nodes + Int(element.node.next)
        return element
    }
}

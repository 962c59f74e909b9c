internal import CSimdJSON

/// A parsed text: its values one after the other, each with its place in the text.
package struct JSONView {
    let text: UnsafeRawPointer
    let nodes: UnsafePointer<okla_json_node>
    let strings: UnsafePointer<UInt8>
    let tape: UnsafePointer<UInt64>
    package let valueCount: Int

    init(text: UnsafeRawPointer, view: okla_json_view) {
        self.text = text
        nodes = view.nodes
        strings = view.strings
        tape = view.tape
        valueCount = Int(view.count)
    }

    package var root: JSONValue { JSONValue(view: self, index: 0) }
}

package enum JSONKind: UInt32, Sendable {
    case null, bool, integer, unsignedInteger, double, string, array, object
}

/// A value, or a member's name, within a `JSONView`.
package struct JSONValue {
    let view: JSONView
    let index: Int

    private var node: okla_json_node { view.nodes[index] }
    private var payload: Int { Int(node.tag &>> 3) }

    // The tag's low three bits are always one of the eight kinds.
    package var kind: JSONKind { JSONKind(rawValue: node.tag & 7)! }
    package var isNull: Bool { node.tag & 7 == JSONKind.null.rawValue }
    package var isString: Bool { node.tag & 7 == JSONKind.string.rawValue }
    package var isObject: Bool { node.tag & 7 == JSONKind.object.rawValue }
    package var isArray: Bool { node.tag & 7 == JSONKind.array.rawValue }

    /// Where it stands in the text.
    package var sourceRange: Range<Int> { Int(node.start)..<Int(node.end) }

    /// Its bytes in the text, a string's quotes included.
    package var source: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: view.text + Int(node.start), count: Int(node.end &- node.start))
    }

    /// A string's UTF-8, escapes resolved. Only for strings.
    package var stringBytes: UnsafeRawBufferPointer {
        precondition(isString)
        let place = UnsafeRawPointer(view.strings + payload)
        return UnsafeRawBufferPointer(start: place + 4, count: Int(place.loadUnaligned(as: UInt32.self)))
    }

    /// A string as such; nil for anything else.
    package var string: String? { isString ? String(decoding: stringBytes, as: UTF8.self) : nil }

    package var bool: Bool? { kind == .bool ? payload != 0 : nil }

    /// A number as a double; nil for anything else.
    package var number: Double? {
        switch kind {
        case .integer: Double(Int64(bitPattern: view.tape[payload]))
        case .unsignedInteger: Double(view.tape[payload])
        case .double: Double(bitPattern: view.tape[payload])
        default: nil
        }
    }

    /// A whole number that fits; nil for anything else.
    package var integer: Int64? { kind == .integer ? Int64(bitPattern: view.tape[payload]) : nil }

    /// How many values it contains, at any depth, an object's names included.
    package var descendantCount: Int { isArray || isObject ? payload : 0 }

    /// An object's members in order; empty for anything else.
    package var members: JSONMembers { JSONMembers(view: view, place: index + 1, end: isObject ? Int(node.next) : 0) }

    /// An array's elements in order; empty for anything else.
    package var elements: JSONElements { JSONElements(view: view, place: index + 1, end: isArray ? Int(node.next) : 0) }

    /// The first member called `name`.
    package func member(_ name: StaticString) -> JSONValue? {
        for (key, value) in members where key.equals(name) { return value }
        return nil
    }

    /// Whether it is the string `text`.
    package func equals(_ text: StaticString) -> Bool {
        guard isString else { return false }
        let bytes = stringBytes
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return bytes.elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

package struct JSONMembers: Sequence, IteratorProtocol {
    let view: JSONView
    var place: Int
    let end: Int

    package mutating func next() -> (key: JSONValue, value: JSONValue)? {
        guard place < end else { return nil }
        let key = JSONValue(view: view, index: place)
        let value = JSONValue(view: view, index: place + 1)
        place = Int(view.nodes[place + 1].next)
        return (key, value)
    }
}

package struct JSONElements: Sequence, IteratorProtocol {
    let view: JSONView
    var place: Int
    let end: Int

    package mutating func next() -> JSONValue? {
        guard place < end else { return nil }
        defer { place = Int(view.nodes[place].next) }
        return JSONValue(view: view, index: place)
    }
}

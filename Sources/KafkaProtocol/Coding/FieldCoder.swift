/// Goes through the fields of a message in the order of the wire: a `FieldReader` fills them in, a `FieldWriter` writes them. So a message is
/// described once, and what is read is what is written.
///
/// Integers are big-endian. In the flexible versions of a message lengths are unsigned varints of the length plus one, and tagged fields stand behind
/// each structure (KIP-482).
package protocol FieldCoder {
    /// That of the message.
    var version: Int16 { get }
    var isFlexible: Bool { get }

    mutating func integer<Value: FixedWidthInteger>(_ value: inout Value) throws(KafkaProtocolError)
    mutating func bool(_ value: inout Bool) throws(KafkaProtocolError)
    mutating func string(_ value: inout String) throws(KafkaProtocolError)
    mutating func string(_ value: inout String?) throws(KafkaProtocolError)
    mutating func bytes(_ value: inout [UInt8]) throws(KafkaProtocolError)
    mutating func records(_ value: inout RecordsField) throws(KafkaProtocolError)
    mutating func uuid(_ value: inout TopicUUID) throws(KafkaProtocolError)
    /// The number of elements of an array; nil: there is no array.
    mutating func count(_ value: inout Int?) throws(KafkaProtocolError)
    /// What stands behind the fields of a structure in flexible versions.
    mutating func tags() throws(KafkaProtocolError)

    /// Whether it fills in.
    static var isReading: Bool { get }
}

/// A structure of the protocol.
package protocol KafkaStructure: Equatable, Sendable {
    init()
    /// Goes through its fields, but for the tags behind them.
    mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError)
}

extension FieldCoder {
    /// A structure and the tags behind it.
    mutating func structure<Structure: KafkaStructure>(_ value: inout Structure) throws(KafkaProtocolError) {
        try value.fields(&self)
        if isFlexible { try tags() }
    }

    mutating func array<Element: KafkaStructure>(_ value: inout [Element]) throws(KafkaProtocolError) {
        try elements(&value, Element()) { coder, element throws(KafkaProtocolError) in try coder.structure(&element) }
    }

    mutating func array<Element: KafkaStructure>(_ value: inout [Element]?) throws(KafkaProtocolError) {
        try elements(&value, Element()) { coder, element throws(KafkaProtocolError) in try coder.structure(&element) }
    }

    mutating func array(_ value: inout [String]) throws(KafkaProtocolError) {
        try elements(&value, "") { coder, element throws(KafkaProtocolError) in try coder.string(&element) }
    }

    mutating func array(_ value: inout [String]?) throws(KafkaProtocolError) {
        try elements(&value, "") { coder, element throws(KafkaProtocolError) in try coder.string(&element) }
    }

    mutating func array<Element: FixedWidthInteger>(_ value: inout [Element]) throws(KafkaProtocolError) {
        try elements(&value, 0) { coder, element throws(KafkaProtocolError) in try coder.integer(&element) }
    }

    private mutating func elements<Element>(
        _ value: inout [Element], _ empty: Element, _ body: (inout Self, inout Element) throws(KafkaProtocolError) -> Void
    ) throws(KafkaProtocolError) {
        var found: [Element]? = value
        try elements(&found, empty, body)
        // Kafka's own clients send null for nothing in some places where the protocol says that there is none.
        value = found ?? []
    }

    private mutating func elements<Element>(
        _ value: inout [Element]?, _ empty: Element, _ body: (inout Self, inout Element) throws(KafkaProtocolError) -> Void
    ) throws(KafkaProtocolError) {
        var count = value?.count
        try self.count(&count)
        guard let count else { return value = nil }
        if Self.isReading {
            // As many as there are bytes for: nothing is reserved on the word of a length.
            var found: [Element] = []
            for _ in 0..<count {
                var element = empty
                try body(&self, &element)
                found.append(element)
            }
            value = found
        } else if var elements = value {
            for place in elements.indices { try body(&self, &elements[place]) }
        }
    }
}

/// A topic's number, 16 bytes that are never used again; all zeros: none.
package struct TopicUUID: Hashable, Sendable {
    package var high: UInt64
    package var low: UInt64

    package static let none = TopicUUID(high: 0, low: 0)

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// Record batches within a message. They are not copied where they need not be.
package enum RecordsField: Equatable, Sendable {
    case null
    /// Where they stand in the bytes that were read.
    case place(Range<Int>)
    /// To be written here.
    case bytes([UInt8])
    /// So many bytes, which whoever sends the message puts in between: see `FieldWriter.splices`.
    case elsewhere(byteCount: Int)
}

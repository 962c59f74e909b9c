/// Reads the fields of a message that somebody has sent. Lengths and counts are checked against the bytes that are there before memory is taken.
package struct FieldReader: FieldCoder {
    package static let isReading = true
    /// Of all arrays of a message together: an empty text takes one byte on the wire and many more in memory.
    package static let elementsMax = 100_000

    private let source: UnsafeRawBufferPointer
    private(set) var position: Int
    package let version: Int16
    package let isFlexible: Bool
    private var elementCount = 0

    /// - Parameter source: valid as long as this is used.
    package init(_ source: UnsafeRawBufferPointer, at position: Int = 0, version: Int16, isFlexible: Bool) {
        self.source = source
        self.position = position
        self.version = version
        self.isFlexible = isFlexible
    }

    private mutating func take(_ byteCount: Int) throws(KafkaProtocolError) -> UnsafeRawBufferPointer {
        guard byteCount >= 0 else { throw .negativeLength(byteCount, position: position) }
        guard byteCount <= source.count - position else {
            throw .truncated(needed: byteCount, available: source.count - position, position: position)
        }
        defer { position += byteCount }
        return UnsafeRawBufferPointer(rebasing: source[position..<position + byteCount])
    }

    package mutating func integer<Value: FixedWidthInteger>(_ value: inout Value) throws(KafkaProtocolError) {
        value = Value(bigEndian: try take(MemoryLayout<Value>.size).loadUnaligned(as: Value.self))
    }

    package mutating func bool(_ value: inout Bool) throws(KafkaProtocolError) { value = try take(1)[0] != 0 }

    private mutating func varint() throws(KafkaProtocolError) -> UInt32 {
        let start = position
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            let byte = try take(1)[0]
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte & 0x80 == 0 {
                guard let found = UInt32(exactly: value) else { break }
                return found
            }
        }
        throw .malformedVarint(position: start)
    }

    /// The length of what comes: one of 16 bits, or of 32, or compact. nil: null.
    private mutating func length(_ isShort: Bool) throws(KafkaProtocolError) -> Int? {
        if isFlexible {
            let found = try varint()
            return found == 0 ? nil : Int(found - 1)
        }
        let start = position
        let found: Int
        if isShort {
            var length: Int16 = 0
            try integer(&length)
            found = Int(length)
        } else {
            var length: Int32 = 0
            try integer(&length)
            found = Int(length)
        }
        if found == -1 { return nil }
        guard found >= 0 else { throw .negativeLength(found, position: start) }
        return found
    }

    package mutating func string(_ value: inout String?) throws(KafkaProtocolError) {
        guard let length = try length(true) else { return value = nil }
        let start = position
        guard let text = String(validating: try take(length), as: UTF8.self) else { throw .notUTF8(position: start) }
        value = text
    }

    package mutating func string(_ value: inout String) throws(KafkaProtocolError) {
        let start = position
        var found: String?
        try string(&found)
        guard let found else { throw .missing(position: start) }
        value = found
    }

    package mutating func bytes(_ value: inout [UInt8]) throws(KafkaProtocolError) {
        // Null is nothing: librdkafka sends it for an assignment that is empty.
        guard let length = try length(false) else { return value = [] }
        value = Array(try take(length))
    }

    package mutating func records(_ value: inout RecordsField) throws(KafkaProtocolError) {
        guard let length = try length(false) else { return value = .null }
        let start = position
        _ = try take(length)
        value = .place(start..<start + length)
    }

    package mutating func uuid(_ value: inout TopicUUID) throws(KafkaProtocolError) {
        try integer(&value.high)
        try integer(&value.low)
    }

    package mutating func count(_ value: inout Int?) throws(KafkaProtocolError) {
        let start = position
        value = try length(false)
        guard let count = value else { return }
        // Each has a byte at least.
        guard count <= source.count - position else {
            throw .truncated(needed: count, available: source.count - position, position: start)
        }
        elementCount += count
        guard elementCount <= Self.elementsMax else { throw .tooManyElements(limit: Self.elementsMax, position: start) }
    }

    /// Nobody here needs one: what a client of a later day says besides is passed over.
    package mutating func tags() throws(KafkaProtocolError) {
        let start = position
        let count = Int(try varint())
        elementCount += count
        guard elementCount <= Self.elementsMax else { throw .tooManyElements(limit: Self.elementsMax, position: start) }
        for _ in 0..<count {
            _ = try varint()
            _ = try take(Int(try varint()))
        }
    }

    /// - Throws: where bytes are left.
    package func end() throws(KafkaProtocolError) {
        guard position == source.count else { throw .trailingBytes(source.count - position) }
    }
}

/// Writes the fields of a message.
package struct FieldWriter: FieldCoder {
    package static let isReading = false

    /// Bytes that whoever sends the message puts in before those at `position`.
    package struct Splice: Equatable, Sendable {
        package let position: Int
        package let byteCount: Int
    }

    package let version: Int16
    package let isFlexible: Bool
    package private(set) var bytes: [UInt8] = []
    /// In the order of the fields, the empty ones among them.
    package private(set) var splices: [Splice] = []

    package init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }

    package mutating func integer<Value: FixedWidthInteger>(_ value: inout Value) throws(KafkaProtocolError) { put(value) }

    private mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    package mutating func bool(_ value: inout Bool) throws(KafkaProtocolError) { put(value ? 1 : 0 as UInt8) }

    private mutating func varint(_ value: UInt32) {
        var left = value
        while left >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: left) | 0x80)
            left >>= 7
        }
        bytes.append(UInt8(left))
    }

    private mutating func length(_ value: Int?, _ isShort: Bool) throws(KafkaProtocolError) {
        guard (value ?? 0) <= (isShort && !isFlexible ? Int(Int16.max) : Int(Int32.max)) else {
            throw .tooLong(byteCount: value ?? 0)
        }
        if isFlexible {
            varint(value.map { UInt32($0) + 1 } ?? 0)
        } else if isShort {
            put(Int16(value ?? -1))
        } else {
            put(Int32(value ?? -1))
        }
    }

    package mutating func string(_ value: inout String?) throws(KafkaProtocolError) {
        try length(value?.utf8.count, true)
        if let value { bytes.append(contentsOf: value.utf8) }
    }

    package mutating func string(_ value: inout String) throws(KafkaProtocolError) {
        try length(value.utf8.count, true)
        bytes.append(contentsOf: value.utf8)
    }

    package mutating func bytes(_ value: inout [UInt8]) throws(KafkaProtocolError) {
        try length(value.count, false)
        bytes.append(contentsOf: value)
    }

    package mutating func records(_ value: inout RecordsField) throws(KafkaProtocolError) {
        switch value {
        case .null: try length(nil, false)
        case .bytes(let records):
            try length(records.count, false)
            bytes.append(contentsOf: records)
        case .elsewhere(let byteCount):
            try length(byteCount, false)
            splices.append(Splice(position: bytes.count, byteCount: byteCount))
        case .place: preconditionFailure("a place is one in the bytes that were read")
        }
    }

    /// What was written elsewhere.
    package mutating func append(_ more: [UInt8]) { bytes += more }

    package mutating func uuid(_ value: inout TopicUUID) throws(KafkaProtocolError) {
        put(value.high)
        put(value.low)
    }

    package mutating func count(_ value: inout Int?) throws(KafkaProtocolError) { try length(value, false) }

    package mutating func tags() throws(KafkaProtocolError) { varint(0) }
}

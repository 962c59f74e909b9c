internal import EventLog
internal import EventModel
internal import RecordFormat

/// Messages for RabbitMQ, made of records. Their bytes lie one behind the other.
struct RabbitMQMessages {
    /// Where a message goes.
    enum RoutingKey: String, CaseIterable, Sendable {
        case eventReceived = "event.received"
        case userIdentified = "user.identified"
        case sessionStarted = "session.started"
        case sessionEnded = "session.ended"

        /// Among `allCases`.
        var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    struct Message {
        let routingKey: RoutingKey
        let partition: Int
        let offset: Int64
        /// Seconds since 1970, as AMQP counts: when the event was received.
        let timestamp: UInt64
        let id: Range<Int>
        let type: Range<Int>
        let body: Range<Int>

        var byteCount: Int { body.upperBound - id.lowerBound }
    }

    /// AMQP's short strings have so many bytes at most.
    static let shortStringMax = 255
    private static let depthMax = 512

    private(set) var all: [Message] = []
    private(set) var bytes: [UInt8] = []
    private let parser = JSONParser(depthMax: RabbitMQMessages.depthMax)
    private let hasher: RecordIdentityHasher

    init(hasher: RecordIdentityHasher) { self.hasher = hasher }

    /// Adds what is said of a record, if anything is.
    ///
    /// - Parameter routingKeys: those that are wanted.
    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    mutating func add(
        _ record: RecordView, partition: PartitionID, wanted routingKeys: Set<RoutingKey>, isDerived: Bool
    ) throws(JSONParser.Refusal) {
        guard let name = record.header("event"), let value = record.value else { return }
        let routingKey: RoutingKey
        if isDerived {
            guard let key = RoutingKey(rawValue: String(decoding: name, as: UTF8.self)) else { return }
            routingKey = key
        } else {
            routingKey = .eventReceived
        }
        guard routingKeys.contains(routingKey) else { return }
        let event = try parser.parse(value).root
        let id = appendShort(record.header("messageId"), isID: true)
        let type = appendShort(name, isID: false)
        let start = bytes.count
        switch routingKey {
        case .eventReceived:
            appendObject([
                ("eventType", .text(name)), ("userId", .member(event, "userId")), ("properties", .object(event, "properties")),
            ])
        case .userIdentified: appendObject(of: event, ["userId", "anonymousId", "traits"])
        case .sessionStarted: appendObject(of: event, ["sessionId", "userId"])
        case .sessionEnded: appendObject(of: event, ["sessionId", "duration"])
        }
        all.append(
            Message(
                routingKey: routingKey, partition: partition.number, offset: record.offset,
                timestamp: UInt64(max(0, record.timestamp) / 1000), id: id, type: type, body: start..<bytes.count))
    }

    // MARK: Bytes

    /// A value of a payload.
    private enum Value {
        /// A string that is no JSON yet.
        case text(UnsafeRawBufferPointer)
        /// As the event has it; null where it has none.
        case member(JSONValue, StaticString)
        /// As the event has it; an empty object where it has none.
        case object(JSONValue, StaticString)
    }

    private mutating func appendObject(of event: JSONValue, _ names: [StaticString]) {
        appendObject(names.map { ($0, .member(event, $0)) })
    }

    private mutating func appendObject(_ members: [(name: StaticString, value: Value)]) {
        for (place, member) in members.enumerated() {
            bytes.append(UInt8(ascii: place == 0 ? "{" : ","))
            bytes.append(UInt8(ascii: "\""))
            member.name.withUTF8Buffer { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: "\":".utf8)
            switch member.value {
            case .text(let text): appendString(text)
            case .member(let event, let name): append(event.member(name), or: "null")
            case .object(let event, let name): append(event.member(name), or: "{}")
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private mutating func append(_ value: JSONValue?, or absent: StaticString) {
        if let value { bytes.append(contentsOf: value.source) } else { absent.withUTF8Buffer { bytes.append(contentsOf: $0) } }
    }

    /// A text as JSON has it (RFC 8259, section 7).
    private mutating func appendString(_ text: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// As much of a text as a short string holds, up to a whole character; an id that is longer by its hash, so that two stay two.
    private mutating func appendShort(_ text: UnsafeRawBufferPointer?, isID: Bool) -> Range<Int> {
        let start = bytes.count
        let text = text ?? UnsafeRawBufferPointer(start: nil, count: 0)
        if text.count <= Self.shortStringMax {
            bytes.append(contentsOf: text)
        } else if isID {
            let (high, low) = SipHash128.hash(text, key: hasher.key)
            bytes.append(contentsOf: "hash-\(String(high, radix: 16))-\(String(low, radix: 16))".utf8)
        } else {
            var end = Self.shortStringMax
            while text[end] & 0xC0 == 0x80 { end -= 1 }
            bytes.append(contentsOf: text[..<end])
        }
        return start..<bytes.count
    }
}

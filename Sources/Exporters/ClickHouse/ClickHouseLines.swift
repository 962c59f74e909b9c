internal import Consumption
internal import EventModel
internal import RecordFormat

/// Lines of ClickHouse's format TabSeparated, made of records: one for each, its values in the order of the columns.
struct ClickHouseLines: ~Copyable {
    private static let depthMax = 512
    /// What both kinds of tables can hold: from 1970 up to the end of 2099, in milliseconds since 1970.
    private static let times: ClosedRange<Int64> = 0...4_102_444_799_999

    private(set) var text = GrowableBytes()
    /// A column, and where the member is that it shows.
    private struct Field {
        let value: ClickHouseColumn.Value
        let isOfPlainTable: Bool
        /// From the event to the object that has the member, and the member's name; nil: it shows none.
        let path: (object: [StaticString], name: StaticString)?
        /// That object is the one of the field before that shows a member.
        let isBeside: Bool
    }

    private let fields: [Field]
    private let hasWholeSeconds: Bool
    private let version: Int64
    private let parser = JSONParser(depthMax: ClickHouseLines.depthMax)

    /// - Parameter version: of two rows of one event the one with the larger version stays.
    init(for table: ClickHouseTable, version: Int64) {
        var last: [String]?
        fields = table.columns.map { column in
            guard let path = column.value.path, let name = path.last else {
                return Field(value: column.value, isOfPlainTable: column.isOfPlainTable, path: nil, isBeside: false)
            }
            let object = path.dropLast().map(\.description)
            defer { last = object }
            return Field(
                value: column.value, isOfPlainTable: column.isOfPlainTable, path: (path.dropLast(), name),
                isBeside: object == last)
        }
        hasWholeSeconds = table.hasWholeSeconds
        self.version = version
    }

    /// Adds a record's line.
    ///
    /// - Parameters:
    ///   - owner: whose an anonymous id was at a time, in milliseconds since 1970; nil: nobody's.
    ///   - onAlias: told of an id that becomes somebody's by this event.
    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    mutating func add(
        _ record: RecordView, partition: Int, owner: (_ anonymousID: String, _ time: Int64) -> String?,
        onAlias: (ExactText) -> Void
    ) throws(JSONParser.Refusal) {
        let value = record.value ?? UnsafeRawBufferPointer(start: nil, count: 0)
        let event = try parser.parse(value).root
        let said = event.member("timestamp").flatMap { $0.isString ? Timestamp.milliseconds($0.stringBytes) : nil }
        var object: JSONValue?
        for place in fields.indices {
            if place > 0 { text.append(UInt8(ascii: "\t")) }
            let isOfPlainTable = fields[place].isOfPlainTable
            var member: JSONValue?
            if let path = fields[place].path {
                if !fields[place].isBeside { object = Self.member(event, path.object) }
                member = object?.member(path.name)
            }
            switch fields[place].value {
            case .name: append(escaping: record.header("event"))
            case .messageID: append(escaping: record.header("messageId"))
            case .writeKey: append(escaping: record.header("writeKey"))
            case .timestamp: append(time: said ?? record.timestamp, isFraction: isOfPlainTable)
            case .receivedAt: append(time: record.timestamp, isFraction: isOfPlainTable)
            case .originalTimestamp: appendOriginalTimestamp(event, said)
            case .isAnonymous: append(number: Self.namedUser(event) == nil ? 1 : 0)
            case .user: appendUser(event, record.timestamp, owner)
            case .partition: append(number: Int64(partition))
            case .offset: append(number: record.offset)
            case .version: append(number: version)
            case .text: append(textOf: member)
            case .number: append(number: Int64(max(0, min(member?.number ?? 0, 4_294_967_295))))
            case .coordinate: appendCoordinate(member)
            case .flag: append(number: member?.bool == true ? 1 : 0)
            case .json(let paths):
                for path in paths {
                    guard let value = Self.member(event, path), !value.isNull else { continue }
                    append(escaping: value.source)
                    break
                }
            }
        }
        text.append(UInt8(ascii: "\n"))
        if let kind = record.header("event").flatMap(AliasClaim.Kind.init), let id = AliasClaim(kind, event: event)?.id {
            onAlias(id)
        }
    }

    private static func member(_ event: JSONValue, _ path: [StaticString]) -> JSONValue? {
        var value: JSONValue? = event
        for name in path { value = value?.member(name) }
        return value
    }

    // MARK: Values

    /// The time as the client had it, where it was corrected, or is not one that the table can hold.
    private mutating func appendOriginalTimestamp(_ event: JSONValue, _ said: Int64?) {
        if let original = event.member("originalTimestamp") { return append(textOf: original) }
        if let said, !Self.times.contains(said) { append(textOf: event.member("timestamp")) }
    }

    private mutating func appendUser(_ event: JSONValue, _ received: Int64, _ owner: (String, Int64) -> String?) {
        if let user = Self.namedUser(event) { return append(textOf: user) }
        guard let id = event.member("anonymousId")?.string, var user = owner(id, received) else { return }
        user.withUTF8 { append(escaping: UnsafeRawBufferPointer($0)) }
    }

    private static func namedUser(_ event: JSONValue) -> JSONValue? {
        event.member("userId").flatMap { $0.isNull ? nil : $0 }
    }

    private mutating func append(textOf value: JSONValue?) {
        guard let value, !value.isNull else { return }
        append(escaping: value.isString ? value.stringBytes : value.source)
    }

    private mutating func appendCoordinate(_ value: JSONValue?) {
        if let value, value.number != nil {
            text.append(copying: value.source)
        } else {
            text.append(UInt8(ascii: "\\"))
            text.append(UInt8(ascii: "N"))
        }
    }

    /// Ten digits of seconds since 1970 and three of milliseconds: that is a time to every version, whatever time zone it has.
    private mutating func append(time: Int64, isFraction: Bool) {
        let time = min(max(time, Self.times.lowerBound), Self.times.upperBound)
        if isFraction { return append(number: time % 1000) }
        append(digits: 10, of: time / 1000)
        if hasWholeSeconds { return }
        text.append(UInt8(ascii: "."))
        append(digits: 3, of: time % 1000)
    }

    private mutating func append(number: Int64) {
        var digits = String(number)
        digits.withUTF8 { text.append(copying: UnsafeRawBufferPointer($0)) }
    }

    private mutating func append(digits count: Int, of number: Int64) {
        let target = text.reserve(count)
        var rest = number
        for place in (0..<count).reversed() {
            target.storeBytes(of: UInt8(ascii: "0") + UInt8(rest % 10), toByteOffset: place, as: UInt8.self)
            rest /= 10
        }
        text.advance(by: count)
    }

    private mutating func append(escaping bytes: UnsafeRawBufferPointer?) {
        guard let bytes, bytes.count > 0 else { return }
        // Each byte may become two.
        let target = text.reserve(bytes.count * 2)
        var (place, count) = (0, 0)
        while place < bytes.count {
            if place + 8 <= bytes.count {
                let eight = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                if !Self.mayNeedEscapes(eight) {
                    target.storeBytes(of: eight, toByteOffset: count, as: UInt64.self)
                    (place, count) = (place + 8, count + 8)
                    continue
                }
            }
            for byte in bytes[place..<min(place + 8, bytes.count)] {
                if let escape = Self.escape(of: byte) {
                    target.storeBytes(of: UInt8(ascii: "\\"), toByteOffset: count, as: UInt8.self)
                    count += 1
                    target.storeBytes(of: escape, toByteOffset: count, as: UInt8.self)
                } else {
                    target.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
                }
                count += 1
            }
            place += 8
        }
        text.advance(by: count)
    }

    /// What stands behind a backslash for this byte; nil: it stands for itself.
    private static func escape(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\\"): byte
        case UInt8(ascii: "\t"): UInt8(ascii: "t")
        case UInt8(ascii: "\n"): UInt8(ascii: "n")
        case UInt8(ascii: "\r"): UInt8(ascii: "r")
        case 0: UInt8(ascii: "0")
        default: nil
        }
    }

    /// Whether one of eight bytes is a backslash, or less than 14, as all others are that have an escape. The known arithmetic on whole words: a
    /// byte's highest bit is set where it was below what is taken from it, and not above 127 before.
    private static func mayNeedEscapes(_ eight: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let other = eight ^ (ones &* UInt64(UInt8(ascii: "\\")))
        let low = (eight &- ones &* 14) & ~eight
        let backslash = (other &- ones) & ~other
        return (low | backslash) & (ones &* 0x80) != 0
    }
}

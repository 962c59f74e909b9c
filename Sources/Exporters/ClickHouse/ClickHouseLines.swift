internal import Consumption
internal import EventModel
internal import RecordFormat

/// Lines of ClickHouse's format TabSeparated, made of records: one for each, its values in the order of the columns.
struct ClickHouseLines: ~Copyable {
    private static let depthMax = 512
    /// What both kinds of tables can hold: from 1970 up to the end of 2099, in milliseconds since 1970.
    private static let times: ClosedRange<Int64> = 0...4_102_444_799_999

    private(set) var text = GrowableBytes()
    private let values: [(value: ClickHouseColumn.Value, isOfPlainTable: Bool)]
    private let hasWholeSeconds: Bool
    private let version: Int64
    private let parser = JSONParser(depthMax: ClickHouseLines.depthMax)

    /// - Parameter version: of two rows of one event the one with the larger version stays.
    init(for table: ClickHouseTable, version: Int64) {
        values = table.columns.map { ($0.value, $0.isOfPlainTable) }
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
        for place in values.indices {
            if place > 0 { text.append(UInt8(ascii: "\t")) }
            switch values[place].value {
            case .name: append(escaping: record.header("event"))
            case .messageID: append(escaping: record.header("messageId"))
            case .writeKey: append(escaping: record.header("writeKey"))
            case .timestamp: append(time: said ?? record.timestamp, isFraction: values[place].isOfPlainTable)
            case .receivedAt: append(time: record.timestamp, isFraction: values[place].isOfPlainTable)
            case .originalTimestamp: appendOriginalTimestamp(event, said)
            case .isAnonymous: append(number: Self.namedUser(event) == nil ? 1 : 0)
            case .user: appendUser(event, record.timestamp, owner)
            case .partition: append(number: Int64(partition))
            case .offset: append(number: record.offset)
            case .version: append(number: version)
            case .text(let path): append(textOf: Self.member(event, path))
            case .number(let path): append(number: Int64(max(0, min(Self.member(event, path)?.number ?? 0, 4_294_967_295))))
            case .coordinate(let path): appendCoordinate(Self.member(event, path))
            case .flag(let path): append(number: Self.member(event, path)?.bool == true ? 1 : 0)
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
        var count = 0
        for byte in bytes {
            let escape: UInt8
            switch byte {
            case UInt8(ascii: "\\"): escape = byte
            case UInt8(ascii: "\t"): escape = UInt8(ascii: "t")
            case UInt8(ascii: "\n"): escape = UInt8(ascii: "n")
            case UInt8(ascii: "\r"): escape = UInt8(ascii: "r")
            case 0: escape = UInt8(ascii: "0")
            default:
                target.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
                count += 1
                continue
            }
            target.storeBytes(of: UInt8(ascii: "\\"), toByteOffset: count, as: UInt8.self)
            target.storeBytes(of: escape, toByteOffset: count + 1, as: UInt8.self)
            count += 2
        }
        text.advance(by: count)
    }
}

/// The columns of the table of events: how each is declared, and from where its value comes.
struct ClickHouseColumn: Sendable {
    /// Where in a stored event a value is, and how it is written.
    enum Value: Sendable {
        /// A string: a member of the event, or of an object in its `context`, or further inside.
        case text([StaticString])
        /// A whole number from 0 on, that fits 32 bits.
        case number([StaticString])
        /// A number, or nothing.
        case coordinate([StaticString])
        /// True where a member is.
        case flag([StaticString])
        /// The JSON text of the first of these members that the event has.
        case json([[StaticString]])
        case name, messageID, writeKey
        case timestamp, receivedAt, originalTimestamp
        case user
        /// Whether the event itself names nobody: then its user may follow from an alias.
        case isAnonymous
        case partition, offset, version

        /// Of the one member that it shows; nil: it shows none, or one of several.
        var path: [StaticString]? {
            switch self {
            case .text(let path), .number(let path), .coordinate(let path), .flag(let path): path
            default: nil
            }
        }
    }

    let name: String
    /// For servers of today.
    let type: String
    /// For those that know nothing else.
    let plainType: String
    let value: Value
    /// It is only there where times have no fractions.
    var isOfPlainTable = false

    private static func text(_ name: String, _ path: StaticString..., few: Bool = false) -> ClickHouseColumn {
        ClickHouseColumn(name: name, type: few ? "LowCardinality(String)" : "String", plainType: "String", value: .text(path))
    }

    private static func number(_ name: String, _ path: StaticString...) -> ClickHouseColumn {
        ClickHouseColumn(name: name, type: "UInt32", plainType: "UInt32", value: .number(path))
    }

    private static func json(_ name: String, _ paths: [StaticString]...) -> ClickHouseColumn {
        ClickHouseColumn(name: name, type: "String CODEC(ZSTD(1))", plainType: "String", value: .json(paths))
    }

    private static func milliseconds(_ name: String, _ value: Value) -> ClickHouseColumn {
        ClickHouseColumn(name: name, type: "UInt16", plainType: "UInt16", value: value, isOfPlainTable: true)
    }

    private static func time(_ name: String, _ value: Value) -> ClickHouseColumn {
        ClickHouseColumn(
            name: name, type: "DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))", plainType: "DateTime('UTC')", value: value)
    }

    static let isAnonymousName = "isAnonymous"

    /// In the table's order.
    static let all: [ClickHouseColumn] =
        [
            ClickHouseColumn(name: "event", type: "LowCardinality(String)", plainType: "String", value: .name),
            ClickHouseColumn(name: "messageId", type: "String", plainType: "String", value: .messageID),
            time("timestamp", .timestamp), milliseconds("timestampMs", .timestamp),
            time("receivedAt", .receivedAt), milliseconds("receivedAtMs", .receivedAt),
            ClickHouseColumn(name: "originalTimestamp", type: "String", plainType: "String", value: .originalTimestamp),
            ClickHouseColumn(name: "userId", type: "String", plainType: "String", value: .user),
            ClickHouseColumn(name: isAnonymousName, type: "UInt8", plainType: "UInt8", value: .isAnonymous),
            text("anonymousId", "anonymousId"), text("sessionId", "sessionId"),
        ] + client + place
        + [
            json("properties", ["properties"]), json("traits", ["traits"], ["context", "traits"]), json("context", ["context"]),
            ClickHouseColumn(name: "logPartition", type: "Int32", plainType: "Int32", value: .partition),
            ClickHouseColumn(name: "logOffset", type: "Int64 CODEC(Delta, ZSTD(1))", plainType: "Int64", value: .offset),
            ClickHouseColumn(name: "writeKey", type: "LowCardinality(String)", plainType: "String", value: .writeKey),
            ClickHouseColumn(name: "version", type: "UInt64", plainType: "UInt64", value: .version),
        ]

    /// What the client is and where it came from.
    private static let client: [ClickHouseColumn] = [
        text("pageUrl", "context", "page", "url"), text("pageTitle", "context", "page", "title"),
        text("pageReferrer", "context", "page", "referrer"), text("userAgent", "context", "userAgent"),
        text("ip", "context", "ip"),
        text("locale", "context", "locale", few: true), text("timezone", "context", "timezone", few: true),
        number("screenWidth", "context", "screen", "width"), number("screenHeight", "context", "screen", "height"),
        text("deviceType", "context", "device", "type", few: true),
        text("deviceManufacturer", "context", "device", "manufacturer", few: true),
        text("deviceModel", "context", "device", "model", few: true), text("osName", "context", "os", "name", few: true),
        text("osVersion", "context", "os", "version", few: true), text("browserName", "context", "browser", "name", few: true),
        text("browserVersion", "context", "browser", "version", few: true),
        text("campaignSource", "context", "campaign", "source", few: true),
        text("campaignMedium", "context", "campaign", "medium", few: true),
        text("campaignName", "context", "campaign", "campaign", few: true),
        text("campaignTerm", "context", "campaign", "term", few: true),
        text("campaignContent", "context", "campaign", "content", few: true),
    ]

    /// What the service added.
    private static let place: [ClickHouseColumn] = [
        text("geoCountry", "context", "geo", "country", few: true), text("geoRegion", "context", "geo", "region", few: true),
        text("geoCity", "context", "geo", "city", few: true),
        ClickHouseColumn(
            name: "geoLatitude", type: "Nullable(Float64)", plainType: "Nullable(Float64)",
            value: .coordinate(["context", "geo", "latitude"])),
        ClickHouseColumn(
            name: "geoLongitude", type: "Nullable(Float64)", plainType: "Nullable(Float64)",
            value: .coordinate(["context", "geo", "longitude"])),
        ClickHouseColumn(name: "isBot", type: "UInt8", plainType: "UInt8", value: .flag(["context", "bot", "isBot"])),
    ]
}

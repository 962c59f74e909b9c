internal import EventLog

/// The keys in Redis: those that others read, and those that are the exporter's own.
struct RedisKeys: Sendable {
    typealias Key = RedisCommands.Argument

    // MARK: For everybody

    static func views(_ vehicle: String) -> Key { .text("analytics:views:vehicle:\(vehicle):today") }
    static func unique(_ vehicle: String) -> Key { .text("analytics:unique:vehicle:\(vehicle):today") }
    static let top: Key = "analytics:top:vehicles:today"
    static let searches: Key = "analytics:searches:total:today"
    static let filters: Key = "analytics:filters:today"
    static let leads: Key = "analytics:leads:total:today"
    static func leads(vehicle: String) -> Key { .text("analytics:leads:vehicle:\(vehicle):today") }
    static func leads(dealer: String) -> Key { .text("analytics:leads:dealer:\(dealer):today") }
    static func active(_ user: [UInt8]) -> Key { .bytes(Array("analytics:active:user:".utf8) + user) }
    /// From an id to its user.
    static let aliases: Key = "user_aliases"

    // MARK: The exporter's own

    /// From an id in `aliases` to when that was said, in milliseconds since 1970, and where it stands in the log: what was said before it, and is
    /// read later, does not replace it.
    static let aliasTimes: Key = "okla:alias_times"
    /// When the day began to which all `today` belong, in milliseconds since 1970. A transaction that was made on an earlier day and comes late
    /// finds it changed, and does nothing.
    static let day: Key = "okla:day"
    /// Of each partition the next offset to count, and what had to be passed over.
    let positions: Key
    private let ahead: String

    init(logName: String, topic: TopicName) {
        positions = .text("okla:positions:\(logName):\(topic)")
        ahead = "okla:ahead:\(logName):\(topic)"
    }

    /// Offsets of a partition that replays have counted before the exporter came to them.
    func ahead(_ partition: Int) -> Key { .text("\(ahead):\(partition)") }
}

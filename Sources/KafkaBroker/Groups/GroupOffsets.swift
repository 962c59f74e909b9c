internal import EventLog

/// Where the readers of groups are, as they have said.
struct GroupOffsets: Sendable {
    struct Committed: Equatable, Sendable {
        /// Of what comes next.
        var offset: Int64
        var leaderEpoch: Int32
        var metadata: String
        /// When it was said, in milliseconds since 1970.
        var timestamp: Int64
    }

    private(set) var groups: [String: [TopicPartition: Committed]] = [:]

    /// How many offsets there are.
    private(set) var count = 0

    mutating func set(_ group: String, _ partition: TopicPartition, _ committed: Committed?) {
        let before = groups[group]?[partition]
        groups[group, default: [:]][partition] = committed
        count += (committed == nil ? 0 : 1) - (before == nil ? 0 : 1)
        if groups[group]?.isEmpty == true { groups[group] = nil }
    }

    subscript(group: String) -> [TopicPartition: Committed] { groups[group] ?? [:] }
}

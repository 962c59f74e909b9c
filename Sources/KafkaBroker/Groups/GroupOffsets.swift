package import EventLog

/// Where the readers of groups are, as they have said.
package struct GroupOffsets: Sendable {
    package struct Committed: Equatable, Sendable {
        /// Of what comes next.
        package var offset: Int64
        package var leaderEpoch: Int32
        package var metadata: String
        /// When it was said, in milliseconds since 1970.
        package var timestamp: Int64

        package init(offset: Int64, leaderEpoch: Int32, metadata: String, timestamp: Int64) {
            self.offset = offset
            self.leaderEpoch = leaderEpoch
            self.metadata = metadata
            self.timestamp = timestamp
        }
    }

    package init() {}

    package private(set) var groups: [String: [TopicPartition: Committed]] = [:]

    /// How many offsets there are.
    package private(set) var count = 0
    /// What they take of memory, more or less.
    package private(set) var byteCount = 0
    private static let offsetBytes = 200

    package mutating func set(_ group: String, _ partition: TopicPartition, _ committed: Committed?) {
        let before = groups[group]?[partition]
        groups[group, default: [:]][partition] = committed
        count += (committed == nil ? 0 : 1) - (before == nil ? 0 : 1)
        byteCount += Self.byteCount(group, committed) - Self.byteCount(group, before)
        if groups[group]?.isEmpty == true { groups[group] = nil }
    }

    private static func byteCount(_ group: String, _ committed: Committed?) -> Int {
        committed.map { offsetBytes + group.utf8.count + $0.metadata.utf8.count } ?? 0
    }

    package subscript(group: String) -> [TopicPartition: Committed] { groups[group] ?? [:] }
}

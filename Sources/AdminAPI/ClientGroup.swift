package import EventLog

/// A group of Kafka's clients, as far as it has committed offsets of one topic.
package struct ClientGroup: Sendable {
    package struct Partition: Sendable {
        package let number: Int
        package let committed: Int64
        /// nil: there is no such partition any more.
        package let bounds: OffsetBounds?

        package init(number: Int, committed: Int64, bounds: OffsetBounds?) {
            self.number = number
            self.committed = committed
            self.bounds = bounds
        }

        /// Records that it has not committed.
        var lag: Int64 { bounds.map { max(0, $0.highWatermark.value - max(committed, $0.start.value)) } ?? 0 }
    }

    package let group: String
    /// As Kafka calls it.
    package let state: String
    package let memberCount: Int
    package let topic: String
    package let partitions: [Partition]

    package init(group: String, state: String, memberCount: Int, topic: String, partitions: [Partition]) {
        self.group = group
        self.state = state
        self.memberCount = memberCount
        self.topic = topic
        self.partitions = partitions
    }
}

package import EventLog

/// What a partition takes, and which offsets it holds.
package struct PartitionSize: Sendable {
    package let partition: TopicPartition
    package let bounds: OffsetBounds
    package let segmentCount: Int
    /// Of its segments, their caches aside.
    package let byteCount: Int

    init(_ log: PartitionLog) {
        partition = log.topicPartition
        bounds = log.bounds
        let segments = log.segments
        segmentCount = segments.count
        byteCount = segments.reduce(0) { $0 + $1.readableBytes }
    }
}

package import EventLog

/// What a partition takes, and which offsets it holds.
package struct PartitionSize: Sendable {
    package let partition: TopicPartition
    package let bounds: OffsetBounds
    /// In order, the last one being written; their caches do not count.
    package let segments: [(baseOffset: Offset, byteCount: Int)]

    package var segmentCount: Int { segments.count }
    package var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }

    init(_ log: PartitionLog) {
        partition = log.topicPartition
        bounds = log.bounds
        segments = log.segments.map { (Offset($0.baseOffset), $0.readableBytes) }
    }
}

internal import EventLog

/// The topics of a log and their partitions, as numbers find them. Never changed: one with more takes its place, in which everything has
/// the number that it had.
final class PartitionTable: Sendable {
    let topics: [TopicDefinition]
    /// Those of all topics, in order.
    let partitions: [PartitionLog]
    /// The partitions of topic t start at `firstPartition[t]` of `partitions`.
    let firstPartition: [Int]
    /// `partitions`, which keeps them: to count a reference up and down for each record is a thirtieth of what a record costs a commit.
    let unretained: [Unmanaged<PartitionLog>]
    private let handles: [TopicName: TopicHandle]

    init(topics: [TopicDefinition], partitions: [PartitionLog]) {
        var (first, handles, count): ([Int], [TopicName: TopicHandle], Int) = ([], [:], 0)
        for (index, topic) in topics.enumerated() {
            first.append(count)
            handles[topic.name] = TopicHandle(index: Int32(index))
            count += topic.partitionCount
        }
        precondition(count == partitions.count)
        self.topics = topics
        self.partitions = partitions
        unretained = partitions.map(Unmanaged.passUnretained)
        firstPartition = first
        self.handles = handles
    }

    func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? {
        handles[name].map { ($0, topics[Int($0.index)].partitionCount) }
    }

    func log(of partition: TopicPartition) -> PartitionLog? {
        guard let (handle, count) = topic(named: partition.topic), (0..<count).contains(partition.partition.number) else {
            return nil
        }
        return partitions[firstPartition[Int(handle.index)] + partition.partition.number]
    }

    func adding(_ topic: TopicDefinition, _ more: [PartitionLog]) -> PartitionTable {
        PartitionTable(topics: topics + [topic], partitions: partitions + more)
    }
}

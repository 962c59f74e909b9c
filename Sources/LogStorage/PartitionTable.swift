internal import EventLog

/// The topics of a log and their partitions, as numbers find them. Never changed: one with more, or fewer, takes its place, in which everything
/// has the number that it had. So a topic that was deleted leaves its place empty until a restart.
final class PartitionTable: Sendable {
    struct Entry {
        let topic: TopicDefinition
        /// False: it was deleted.
        var isThere = true
    }

    private let entries: [Entry]
    /// Those of all topics, in order, also of topics that were deleted.
    let partitions: [PartitionLog]
    /// Those of the topics that are there.
    let live: [PartitionLog]
    /// The partitions of topic t start at `firstPartition[t]` of `partitions`.
    let firstPartition: [Int]
    /// `partitions`, which keeps them: to count a reference up and down for each record is a thirtieth of what a record costs a commit.
    let unretained: [Unmanaged<PartitionLog>]
    private let handles: [TopicName: TopicHandle]

    convenience init(topics: [TopicDefinition], partitions: [PartitionLog]) {
        self.init(topics.map { Entry(topic: $0) }, partitions)
    }

    private init(_ entries: [Entry], _ partitions: [PartitionLog]) {
        var (first, handles, live): ([Int], [TopicName: TopicHandle], [PartitionLog]) = ([], [:], [])
        var count = 0
        for (index, entry) in entries.enumerated() {
            first.append(count)
            let end = count + entry.topic.partitionCount
            if entry.isThere {
                handles[entry.topic.name] = TopicHandle(index: Int32(index))
                live += partitions[count..<end]
            }
            count = end
        }
        precondition(count == partitions.count)
        self.entries = entries
        self.partitions = partitions
        self.live = live
        unretained = partitions.map(Unmanaged.passUnretained)
        firstPartition = first
        self.handles = handles
    }

    var topics: [TopicDefinition] { entries.filter(\.isThere).map(\.topic) }

    func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? {
        handles[name].map { ($0, entries[Int($0.index)].topic.partitionCount) }
    }

    func definition(of name: TopicName) -> TopicDefinition? { handles[name].map { entries[Int($0.index)].topic } }

    func log(of partition: TopicPartition) -> PartitionLog? {
        guard let (handle, count) = topic(named: partition.topic), (0..<count).contains(partition.partition.number) else {
            return nil
        }
        return partitions[firstPartition[Int(handle.index)] + partition.partition.number]
    }

    func adding(_ topic: TopicDefinition, _ more: [PartitionLog]) -> PartitionTable {
        PartitionTable(entries + [Entry(topic: topic)], partitions + more)
    }

    /// - Parameter gone: what stands in the place of each of its partitions.
    func removing(_ topic: TopicName, _ gone: PartitionLog) -> PartitionTable {
        guard let (handle, count) = self.topic(named: topic) else { return self }
        var (entries, partitions) = (entries, partitions)
        entries[Int(handle.index)].isThere = false
        for number in 0..<count { partitions[firstPartition[Int(handle.index)] + number] = gone }
        return PartitionTable(entries, partitions)
    }
}

internal import AdminAPI
internal import EventLog
internal import KafkaBroker
internal import LogStorage

extension ClientGroup {
    /// A group of Kafka's clients, for each topic of which it has committed offsets; without any, for none.
    static func all(of group: GroupOverview, _ log: EmbeddedLog) -> [ClientGroup] {
        func described(_ topic: String, _ partitions: [Partition]) -> ClientGroup {
            ClientGroup(
                group: group.name, state: group.state, memberCount: group.memberCount, topic: topic, partitions: partitions)
        }
        if group.offsets.isEmpty { return [described("", [])] }
        return Dictionary(grouping: group.offsets, by: \.key.topic).sorted { $0.key < $1.key }.map { topic, offsets in
            described(
                topic.text,
                offsets.sorted { $0.key < $1.key }.map { partition, offset in
                    Partition(number: partition.partition.number, committed: offset, bounds: try? log.bounds(of: partition))
                })
        }
    }
}

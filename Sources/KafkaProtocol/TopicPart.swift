/// What a message has for the partitions of one topic.
package struct TopicPart<Partition: KafkaStructure>: KafkaStructure {
    package var name = ""
    package var partitions: [Partition] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&name)
        try coder.array(&partitions)
    }
}

extension TopicPart {
    /// The answer to it, partition by partition.
    package func map<Answer>(_ answer: (Partition) -> Answer) -> TopicPart<Answer> {
        var part = TopicPart<Answer>()
        part.name = name
        part.partitions = partitions.map(answer)
        return part
    }
}

/// Partitions of one topic.
package struct TopicPartitions: KafkaStructure {
    package var name = ""
    package var partitions: [Int32] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&name)
        try coder.array(&partitions)
    }
}

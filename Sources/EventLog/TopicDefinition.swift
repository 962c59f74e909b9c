/// What a topic is made with. The number of partitions is fixed from then on: a key's partition depends on it.
package struct TopicDefinition: Equatable, Sendable {
    package static let partitionsMax = 4096

    package let name: TopicName
    package let partitionCount: Int
    /// Whether the engine keeps the identity (`RecordIdentity` of the header `messageId`) of each record, so that
    /// deduplication can be restored from the log.
    package let keepsIdentities: Bool

    package init(name: TopicName, partitionCount: Int, keepsIdentities: Bool) {
        precondition((1...Self.partitionsMax).contains(partitionCount))
        self.name = name
        self.partitionCount = partitionCount
        self.keepsIdentities = keepsIdentities
    }
}

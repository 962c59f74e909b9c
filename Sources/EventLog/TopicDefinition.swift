/// What a topic is made with. The number of partitions is fixed from then on: a key's partition depends on it.
public struct TopicDefinition: Equatable, Sendable {
    public static let partitionsMax = 4096

    public let name: TopicName
    public let partitionCount: Int
    /// Whether the engine keeps the identity (`RecordIdentity` of the header `messageId`) of each record, so that
    /// deduplication can be restored from the log.
    public let keepsIdentities: Bool

    public init(name: TopicName, partitionCount: Int, keepsIdentities: Bool) {
        precondition((1...Self.partitionsMax).contains(partitionCount))
        self.name = name
        self.partitionCount = partitionCount
        self.keepsIdentities = keepsIdentities
    }
}

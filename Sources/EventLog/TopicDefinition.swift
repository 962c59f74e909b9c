/// What a topic is made with. The number of partitions is fixed from then on: a key's partition depends on it.
public struct TopicDefinition: Equatable, Sendable {
    public static let partitionsMax = 4096

    public let name: TopicName
    public let partitionCount: Int
    /// Whether the engine keeps the identity (`RecordIdentity` of the header `messageId`) of each record, so that
    /// deduplication can be restored from the log.
    public let keepsIdentities: Bool
    /// Whether it takes batches that somebody else has made, and whose times its records have then; nil: it takes records alone, which the log puts
    /// into batches of its own.
    public let wholeBatches: Timestamps?

    /// Whose time a record has: that of its maker, or of its append. Kafka's `message.timestamp.type`.
    public enum Timestamps: String, Sendable {
        case created = "CreateTime"
        case appended = "LogAppendTime"
    }

    public init(name: TopicName, partitionCount: Int, keepsIdentities: Bool, wholeBatches: Timestamps? = nil) {
        precondition((1...Self.partitionsMax).contains(partitionCount))
        self.name = name
        self.partitionCount = partitionCount
        self.keepsIdentities = keepsIdentities
        self.wholeBatches = wholeBatches
    }
}

internal import EventLog
internal import KafkaProtocol
internal import LogStorage
internal import Synchronization

/// Makes and deletes topics for clients, within limits.
final class TopicKeeper: Sendable {
    /// Why a topic is not made or deleted, as a client is told.
    struct Refusal: Error {
        let code: KafkaErrorCode
        let message: String

        init(_ code: KafkaErrorCode, _ message: String) {
            self.code = code
            self.message = message
        }

        init(_ error: LogError) { self.init(KafkaErrorCode(error), error.message) }
    }

    private let log: EmbeddedLog
    private let settings: BrokerSettings
    /// Keeps descriptors for so many partitions; false: there are too few left.
    private let reservePartitions: @Sendable (Int) -> Bool

    init(log: EmbeddedLog, settings: BrokerSettings, reservePartitions: @escaping @Sendable (Int) -> Bool) {
        self.log = log
        self.settings = settings
        self.reservePartitions = reservePartitions
    }

    /// Kafka's own name for where offsets are kept.
    static let offsetsTopic = TopicName("__consumer_offsets")!

    func isInternal(_ topic: TopicName) -> Bool { topic == Self.offsetsTopic }

    /// Whether clients may append to it, delete it, or delete its records.
    func isClients(_ topic: TopicDefinition) -> Bool {
        topic.wholeBatches != nil && !settings.ownTopics.contains(topic.name) && !isInternal(topic.name)
    }

    /// Whether clients may append to it.
    func takesBatches(_ topic: TopicDefinition) -> Bool {
        isClients(topic) || (topic.wholeBatches != nil && settings.writableOwnTopics.contains(topic.name))
    }

    func definition(of name: TopicName) -> TopicDefinition? { log.definition(of: name) }

    /// - Throws: why it cannot be made.
    func check(_ name: String, partitionCount: Int) throws(Refusal) -> TopicName {
        guard let topic = TopicName(name) else {
            throw Refusal(
                .invalidTopic,
                "a topic's name has 1 to \(TopicName.charactersMax) letters, digits, '.', '_' and '-', and is not \".\" or \"..\""
            )
        }
        if isInternal(topic) { throw Refusal(.invalidTopic, "\(name) is kept by the broker itself") }
        if log.topic(named: topic) != nil { throw Refusal(.topicAlreadyExists, "Topic '\(name)' already exists.") }
        guard (1...TopicDefinition.partitionsMax).contains(partitionCount) else {
            throw Refusal(
                .invalidPartitions, "a topic has 1 to \(TopicDefinition.partitionsMax) partitions, not \(partitionCount)")
        }
        let clients = log.topics.filter { !settings.ownTopics.contains($0.name) }
        guard clients.count < settings.limits.topicsMax else {
            throw Refusal(.policyViolation, "there are \(clients.count) topics, and no more are made: delete some")
        }
        let partitions = clients.reduce(partitionCount) { $0 + $1.partitionCount }
        guard partitions <= settings.limits.partitionsMax else {
            throw Refusal(
                .policyViolation,
                "all topics would have \(partitions) partitions, \(settings.limits.partitionsMax) may be: delete some")
        }
        return topic
    }

    func make(_ name: String, partitionCount: Int, times: TopicDefinition.Timestamps = .created) async throws(Refusal) {
        let topic = try check(name, partitionCount: partitionCount)
        guard reservePartitions(partitionCount) else {
            throw Refusal(
                .policyViolation, "the process may open too few files for \(partitionCount) partitions more: raise its limit")
        }
        do throws(LogError) {
            try await log.make(
                TopicDefinition(name: topic, partitionCount: partitionCount, keepsIdentities: false, wholeBatches: times))
        } catch {
            throw Refusal(error)
        }
    }

    func delete(_ topic: TopicDefinition) async throws(Refusal) {
        guard isClients(topic) else {
            throw Refusal(.topicAuthorizationFailed, "\(topic.name) is the service's own topic and cannot be deleted")
        }
        do throws(LogError) { try await log.delete(topic.name) } catch { throw Refusal(error) }
    }
}

internal import EventLog
internal import KafkaProtocol
internal import LogStorage

/// Says which topics there are, and makes those that are not where clients may do that.
struct MetadataHandler: RequestHandler {
    let broker: Broker

    func handle(_ message: MetadataRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        // In version 0, no names are all names.
        let names = request.header.version == 0 && message.topics?.isEmpty == true ? nil : message.topics
        let user = request.client.user
        guard let names else {
            let all = broker.log.topics.filter { user.maySee($0.name.text) }
            return answer(response(all.map(described), to: request))
        }
        let missing = names.compactMap(\.name).filter { name in
            message.allowAutoTopicCreation && broker.settings.makesTopics && (user.mayWrite(name) || user.mayManage(name))
                && TopicName(name).map { broker.log.topic(named: $0) == nil && !broker.topics.isInternal($0) } ?? false
        }
        if missing.isEmpty { return answer(response(names.map { described($0, user, [:]) }, to: request)) }
        Task {
            var refused: [String: KafkaErrorCode] = [:]
            for name in missing {
                do throws(TopicKeeper.Refusal) {
                    try await broker.topics.make(name, partitionCount: broker.settings.partitionCount)
                } catch {
                    // Somebody else may have been faster.
                    if error.code != .topicAlreadyExists { refused[name] = error.code }
                }
            }
            answer(response(names.map { described($0, user, refused) }, to: request))
        }
    }

    private func response(_ topics: [MetadataResponse.Topic], to request: Request) -> Answer {
        var response = MetadataResponse()
        var node = MetadataResponse.Broker()
        node.nodeID = Broker.nodeID
        node.host = request.client.broker.host
        node.port = Int32(request.client.broker.port)
        response.brokers = [node]
        response.clusterID = broker.clusterID
        response.controllerID = Broker.nodeID
        response.topics = topics
        return Answer(response, to: request.header)
    }

    private func described(
        _ wanted: MetadataRequest.Topic, _ user: User, _ refused: [String: KafkaErrorCode]
    ) -> MetadataResponse.Topic {
        var topic = MetadataResponse.Topic()
        topic.name = wanted.name
        topic.topicID = wanted.topicID
        guard let text = wanted.name else {
            topic.error = .unknownTopicID
            return topic
        }
        guard let name = TopicName(text) else {
            topic.error = .invalidTopic
            return topic
        }
        guard user.maySee(text) else {
            topic.error = .topicAuthorizationFailed
            return topic
        }
        guard let definition = broker.topics.definition(of: name) else {
            topic.error = refused[text] ?? .unknownTopicOrPartition
            return topic
        }
        return described(definition)
    }

    private func described(_ definition: TopicDefinition) -> MetadataResponse.Topic {
        var topic = MetadataResponse.Topic()
        topic.name = definition.name.text
        topic.isInternal = broker.topics.isInternal(definition.name)
        topic.partitions = (0..<definition.partitionCount).map { number in
            var partition = MetadataResponse.Partition()
            partition.partition = Int32(number)
            partition.leaderID = Broker.nodeID
            partition.leaderEpoch = Broker.leaderEpoch
            partition.replicaNodes = [Broker.nodeID]
            partition.isrNodes = [Broker.nodeID]
            return partition
        }
        return topic
    }
}

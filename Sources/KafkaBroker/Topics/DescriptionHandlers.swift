internal import EventLog
internal import KafkaProtocol

/// Says how topics and the broker are set.
struct DescribeConfigsHandler: RequestHandler {
    let broker: Broker

    private enum Kind {
        static let topic: Int8 = 2
        static let broker: Int8 = 4
    }

    /// Kafka's `DEFAULT_CONFIG` and `STRING`.
    private static let defaultSource: Int8 = 5
    private static let stringType: Int8 = 2

    func handle(_ message: DescribeConfigsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = DescribeConfigsResponse()
        response.results = message.resources.map { described($0, request.client.user) }
        answer(Answer(response, to: request.header))
    }

    private func described(_ wanted: DescribeConfigsRequest.Resource, _ user: User) -> DescribeConfigsResponse.Resource {
        var resource = DescribeConfigsResponse.Resource()
        resource.resourceType = wanted.resourceType
        resource.resourceName = wanted.resourceName
        var settings: [(name: String, value: String)] = []
        switch wanted.resourceType {
        case Kind.topic:
            if !user.maySee(wanted.resourceName) {
                resource.error = .topicAuthorizationFailed
            } else if let topic = TopicName(wanted.resourceName).flatMap(broker.topics.definition) {
                settings = TopicSettings.all(of: topic, broker)
            } else {
                resource.error = .unknownTopicOrPartition
            }
        case Kind.broker where wanted.resourceName.isEmpty || wanted.resourceName == String(Broker.nodeID):
            settings = [
                ("auto.create.topics.enable", String(broker.settings.makesTopics)), ("broker.id", String(Broker.nodeID)),
                ("message.max.bytes", String(broker.limits.messageBytesMax)),
                ("num.partitions", String(broker.settings.partitionCount)),
            ]
        default:
            resource.error = .invalidRequest
            resource.errorMessage = "there are settings of topics (2) and of the broker \(Broker.nodeID) (4)"
        }
        resource.settings = settings.filter { wanted.settingNames?.contains($0.name) ?? true }.map { name, value in
            var setting = DescribeConfigsResponse.Setting()
            (setting.name, setting.value) = (name, value)
            (setting.readOnly, setting.isDefault) = (true, true)
            (setting.configSource, setting.configType) = (Self.defaultSource, Self.stringType)
            return setting
        }
        return resource
    }
}

/// Says that there is one broker.
struct DescribeClusterHandler: RequestHandler {
    let broker: Broker

    func handle(_ message: DescribeClusterRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = DescribeClusterResponse()
        response.clusterID = broker.clusterID
        response.controllerID = Broker.nodeID
        response.endpointType = message.endpointType
        var node = DescribeClusterResponse.Broker()
        node.brokerID = Broker.nodeID
        node.host = request.client.broker.host
        node.port = Int32(request.client.broker.port)
        response.brokers = [node]
        answer(Answer(response, to: request.header))
    }
}

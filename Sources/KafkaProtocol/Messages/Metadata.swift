/// Asks for topics by name, or for all: null, or in version 0 none.
package struct MetadataRequest: KafkaMessage {
    package static let api = APIKey.metadata

    package var topics: [Topic]?
    package var allowAutoTopicCreation = true
    package var includeClusterAuthorizedOperations = false
    package var includeTopicAuthorizedOperations = false

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&topics)
        if coder.version >= 4 { try coder.bool(&allowAutoTopicCreation) }
        if (8...10).contains(coder.version) { try coder.bool(&includeClusterAuthorizedOperations) }
        if coder.version >= 8 { try coder.bool(&includeTopicAuthorizedOperations) }
    }

    package struct Topic: KafkaStructure {
        package var topicID = TopicUUID.none
        package var name: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            if coder.version >= 10 { try coder.uuid(&topicID) }
            try coder.string(&name)
        }
    }
}

/// The brokers, and who leads each partition.
package struct MetadataResponse: KafkaMessage {
    package static let api = APIKey.metadata

    package var throttleTimeMilliseconds: Int32 = 0
    package var brokers: [Broker] = []
    package var clusterID: String?
    package var controllerID: Int32 = -1
    package var topics: [Topic] = []
    package var clusterAuthorizedOperations: Int32 = .min

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 3 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.array(&brokers)
        if coder.version >= 2 { try coder.string(&clusterID) }
        if coder.version >= 1 { try coder.integer(&controllerID) }
        try coder.array(&topics)
        if (8...10).contains(coder.version) { try coder.integer(&clusterAuthorizedOperations) }
    }

    package struct Broker: KafkaStructure {
        package var nodeID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var rack: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&nodeID)
            try coder.string(&host)
            try coder.integer(&port)
            if coder.version >= 1 { try coder.string(&rack) }
        }
    }

    package struct Topic: KafkaStructure {
        package var error = KafkaErrorCode.none
        package var name: String?
        package var topicID = TopicUUID.none
        package var isInternal = false
        package var partitions: [Partition] = []
        package var topicAuthorizedOperations: Int32 = .min

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&error.rawValue)
            try coder.string(&name)
            if coder.version >= 10 { try coder.uuid(&topicID) }
            if coder.version >= 1 { try coder.bool(&isInternal) }
            try coder.array(&partitions)
            if coder.version >= 8 { try coder.integer(&topicAuthorizedOperations) }
        }
    }

    package struct Partition: KafkaStructure {
        package var error = KafkaErrorCode.none
        package var partition: Int32 = 0
        package var leaderID: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var replicaNodes: [Int32] = []
        package var isrNodes: [Int32] = []
        package var offlineReplicas: [Int32] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&error.rawValue)
            try coder.integer(&partition)
            try coder.integer(&leaderID)
            if coder.version >= 7 { try coder.integer(&leaderEpoch) }
            try coder.array(&replicaNodes)
            try coder.array(&isrNodes)
            if coder.version >= 5 { try coder.array(&offlineReplicas) }
        }
    }
}

/// Asks for the brokers.
package struct DescribeClusterRequest: KafkaMessage {
    package static let api = APIKey.describeCluster

    package var includeClusterAuthorizedOperations = false
    package var endpointType: Int8 = 1

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.bool(&includeClusterAuthorizedOperations)
        if coder.version >= 1 { try coder.integer(&endpointType) }
    }
}

/// The cluster and its brokers.
package struct DescribeClusterResponse: KafkaMessage {
    package static let api = APIKey.describeCluster

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var errorMessage: String?
    package var endpointType: Int8 = 1
    package var clusterID = ""
    package var controllerID: Int32 = -1
    package var brokers: [Broker] = []
    package var clusterAuthorizedOperations: Int32 = .min

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&throttleTimeMilliseconds)
        try coder.integer(&error.rawValue)
        try coder.string(&errorMessage)
        if coder.version >= 1 { try coder.integer(&endpointType) }
        try coder.string(&clusterID)
        try coder.integer(&controllerID)
        try coder.array(&brokers)
        try coder.integer(&clusterAuthorizedOperations)
    }

    package struct Broker: KafkaStructure {
        package var brokerID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var rack: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&brokerID)
            try coder.string(&host)
            try coder.integer(&port)
            try coder.string(&rack)
        }
    }
}

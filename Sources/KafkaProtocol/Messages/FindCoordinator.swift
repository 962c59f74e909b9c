/// Asks which broker looks after a group. From version 4 on, after each of several.
package struct FindCoordinatorRequest: KafkaMessage {
    package static let api = APIKey.findCoordinator

    package var key = ""
    package var keyType: Int8 = 0
    package var coordinatorKeys: [String] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version <= 3 { try coder.string(&key) }
        if coder.version >= 1 { try coder.integer(&keyType) }
        if coder.version >= 4 { try coder.array(&coordinatorKeys) }
    }
}

/// Where the coordinators are.
package struct FindCoordinatorResponse: KafkaMessage {
    package static let api = APIKey.findCoordinator

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var errorMessage: String?
    package var nodeID: Int32 = 0
    package var host = ""
    package var port: Int32 = 0
    package var coordinators: [Coordinator] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
        if coder.version <= 3 { try coder.integer(&error.rawValue) }
        if (1...3).contains(coder.version) { try coder.string(&errorMessage) }
        if coder.version <= 3 {
            try coder.integer(&nodeID)
            try coder.string(&host)
            try coder.integer(&port)
        }
        if coder.version >= 4 { try coder.array(&coordinators) }
    }

    package struct Coordinator: KafkaStructure {
        package var key = ""
        package var nodeID: Int32 = 0
        package var host = ""
        package var port: Int32 = 0
        package var error = KafkaErrorCode.none
        package var errorMessage: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&key)
            try coder.integer(&nodeID)
            try coder.string(&host)
            try coder.integer(&port)
            try coder.integer(&error.rawValue)
            try coder.string(&errorMessage)
        }
    }
}

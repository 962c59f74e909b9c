/// Topics to be made.
package struct CreateTopicsRequest: KafkaMessage {
    package static let api = APIKey.createTopics

    package var topics: [Topic] = []
    package var timeoutMilliseconds: Int32 = 60000
    package var validateOnly = false

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&topics)
        try coder.integer(&timeoutMilliseconds)
        if coder.version >= 1 { try coder.bool(&validateOnly) }
    }

    package struct Topic: KafkaStructure {
        package var name = ""
        package var numPartitions: Int32 = 0
        package var replicationFactor: Int16 = 0
        package var assignments: [Assignment] = []
        package var settings: [Setting] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.integer(&numPartitions)
            try coder.integer(&replicationFactor)
            try coder.array(&assignments)
            try coder.array(&settings)
        }
    }

    package struct Assignment: KafkaStructure {
        package var partition: Int32 = 0
        package var brokerIDs: [Int32] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.array(&brokerIDs)
        }
    }

    package struct Setting: KafkaStructure {
        package var name = ""
        package var value: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.string(&value)
        }
    }
}

/// What became of each topic.
package struct CreateTopicsResponse: KafkaMessage {
    package static let api = APIKey.createTopics

    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 2 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.array(&topics)
    }

    package struct Topic: KafkaStructure {
        package var name = ""
        package var topicID = TopicUUID.none
        package var error = KafkaErrorCode.none
        package var errorMessage: String?
        package var numPartitions: Int32 = -1
        package var replicationFactor: Int16 = -1
        package var settings: [Setting]?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            if coder.version >= 7 { try coder.uuid(&topicID) }
            try coder.integer(&error.rawValue)
            if coder.version >= 1 { try coder.string(&errorMessage) }
            if coder.version >= 5 {
                try coder.integer(&numPartitions)
                try coder.integer(&replicationFactor)
                try coder.array(&settings)
            }
        }
    }

    package struct Setting: KafkaStructure {
        package var name = ""
        package var value: String?
        package var readOnly = false
        package var configSource: Int8 = -1
        package var isSensitive = false

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.string(&value)
            try coder.bool(&readOnly)
            try coder.integer(&configSource)
            try coder.bool(&isSensitive)
        }
    }
}

/// Topics to be removed, by name; from version 6 on by name or number.
package struct DeleteTopicsRequest: KafkaMessage {
    package static let api = APIKey.deleteTopics

    package var topics: [Topic] = []
    package var topicNames: [String] = []
    package var timeoutMilliseconds: Int32 = 0

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 6 { try coder.array(&topics) }
        if coder.version <= 5 { try coder.array(&topicNames) }
        try coder.integer(&timeoutMilliseconds)
    }

    package struct Topic: KafkaStructure {
        package var name: String?
        package var topicID = TopicUUID.none

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.uuid(&topicID)
        }
    }
}

/// What became of each topic.
package struct DeleteTopicsResponse: KafkaMessage {
    package static let api = APIKey.deleteTopics

    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 1 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.array(&topics)
    }

    package struct Topic: KafkaStructure {
        package var name: String?
        package var topicID = TopicUUID.none
        package var error = KafkaErrorCode.none
        package var errorMessage: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            if coder.version >= 6 { try coder.uuid(&topicID) }
            try coder.integer(&error.rawValue)
            if coder.version >= 5 { try coder.string(&errorMessage) }
        }
    }
}

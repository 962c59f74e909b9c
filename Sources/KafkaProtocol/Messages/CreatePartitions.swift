/// Topics that are to have more partitions.
package struct CreatePartitionsRequest: KafkaMessage {
    package static let api = APIKey.createPartitions

    package var topics: [Topic] = []
    package var timeoutMilliseconds: Int32 = 0
    package var validateOnly = false

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&topics)
        try coder.integer(&timeoutMilliseconds)
        try coder.bool(&validateOnly)
    }

    package struct Topic: KafkaStructure {
        package var name = ""
        package var count: Int32 = 0
        package var assignments: [Assignment]?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.integer(&count)
            try coder.array(&assignments)
        }
    }

    package struct Assignment: KafkaStructure {
        package var brokerIDs: [Int32] = []

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.array(&brokerIDs)
        }
    }
}

/// What became of each topic.
package struct CreatePartitionsResponse: KafkaMessage {
    package static let api = APIKey.createPartitions

    package var throttleTimeMilliseconds: Int32 = 0
    package var results: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&throttleTimeMilliseconds)
        try coder.array(&results)
    }

    package struct Topic: KafkaStructure {
        package var name = ""
        package var error = KafkaErrorCode.none
        package var errorMessage: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&name)
            try coder.integer(&error.rawValue)
            try coder.string(&errorMessage)
        }
    }
}

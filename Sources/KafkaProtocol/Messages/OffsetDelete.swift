/// Offsets of a group to be forgotten.
package struct OffsetDeleteRequest: KafkaMessage {
    package static let api = APIKey.offsetDelete

    package var groupID = ""
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&groupID)
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
        }
    }
}

/// What became of each offset.
package struct OffsetDeleteResponse: KafkaMessage {
    package static let api = APIKey.offsetDelete

    package var error = KafkaErrorCode.none
    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&error.rawValue)
        try coder.integer(&throttleTimeMilliseconds)
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var error = KafkaErrorCode.none

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&error.rawValue)
        }
    }
}

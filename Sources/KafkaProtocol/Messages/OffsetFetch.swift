/// Asks where a group is. From version 8 on, where several are.
package struct OffsetFetchRequest: KafkaMessage {
    package static let api = APIKey.offsetFetch

    package var groupID = ""
    package var topics: [Topic]?
    package var groups: [Group] = []
    package var requireStable = false

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version <= 7 {
            try coder.string(&groupID)
            try coder.array(&topics)
        }
        if coder.version >= 8 { try coder.array(&groups) }
        if coder.version >= 7 { try coder.bool(&requireStable) }
    }

    package typealias Topic = TopicPartitions

    package struct Group: KafkaStructure {
        package var groupID = ""
        package var topics: [Topic]?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&groupID)
            try coder.array(&topics)
        }
    }
}

/// An offset of -1 says that there is none.
package struct OffsetFetchResponse: KafkaMessage {
    package static let api = APIKey.offsetFetch

    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []
    package var error = KafkaErrorCode.none
    package var groups: [Group] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 3 { try coder.integer(&throttleTimeMilliseconds) }
        if coder.version <= 7 { try coder.array(&topics) }
        if (2...7).contains(coder.version) { try coder.integer(&error.rawValue) }
        if coder.version >= 8 { try coder.array(&groups) }
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var committedOffset: Int64 = 0
        package var committedLeaderEpoch: Int32 = -1
        package var metadata: String?
        package var error = KafkaErrorCode.none

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&committedOffset)
            if coder.version >= 5 { try coder.integer(&committedLeaderEpoch) }
            try coder.string(&metadata)
            try coder.integer(&error.rawValue)
        }
    }

    package struct Group: KafkaStructure {
        package var groupID = ""
        package var topics: [Topic] = []
        package var error = KafkaErrorCode.none

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.string(&groupID)
            try coder.array(&topics)
            try coder.integer(&error.rawValue)
        }
    }
}

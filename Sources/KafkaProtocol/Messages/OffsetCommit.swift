/// Where the readers of a group are: offsets of what comes next.
package struct OffsetCommitRequest: KafkaMessage {
    package static let api = APIKey.offsetCommit

    package var groupID = ""
    package var generationID: Int32 = -1
    package var memberID = ""
    package var groupInstanceID: String?
    package var retentionTimeMilliseconds: Int64 = -1
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&groupID)
        if coder.version >= 1 {
            try coder.integer(&generationID)
            try coder.string(&memberID)
        }
        if coder.version >= 7 { try coder.string(&groupInstanceID) }
        if (2...4).contains(coder.version) { try coder.integer(&retentionTimeMilliseconds) }
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var committedOffset: Int64 = 0
        package var committedLeaderEpoch: Int32 = -1
        package var commitTimestamp: Int64 = -1
        package var committedMetadata: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&committedOffset)
            if coder.version >= 6 { try coder.integer(&committedLeaderEpoch) }
            if coder.version == 1 { try coder.integer(&commitTimestamp) }
            try coder.string(&committedMetadata)
        }
    }
}

/// What became of each partition's offset.
package struct OffsetCommitResponse: KafkaMessage {
    package static let api = APIKey.offsetCommit

    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 3 { try coder.integer(&throttleTimeMilliseconds) }
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

/// Asks where the records of a leader's epoch end.
package struct OffsetForLeaderEpochRequest: KafkaMessage {
    package static let api = APIKey.offsetForLeaderEpoch

    package var replicaID: Int32 = -2
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 3 { try coder.integer(&replicaID) }
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var leaderEpoch: Int32 = 0

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            if coder.version >= 2 { try coder.integer(&currentLeaderEpoch) }
            try coder.integer(&leaderEpoch)
        }
    }
}

/// The offset behind an epoch's records.
package struct OffsetForLeaderEpochResponse: KafkaMessage {
    package static let api = APIKey.offsetForLeaderEpoch

    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 2 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var error = KafkaErrorCode.none
        package var partition: Int32 = 0
        package var leaderEpoch: Int32 = -1
        package var endOffset: Int64 = -1

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&error.rawValue)
            try coder.integer(&partition)
            if coder.version >= 1 { try coder.integer(&leaderEpoch) }
            try coder.integer(&endOffset)
        }
    }
}

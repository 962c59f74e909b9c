/// Asks which offset is the first at or after a time, in milliseconds since 1970; -1: the end, -2: the beginning, -3: where the greatest timestamp stands.
package struct ListOffsetsRequest: KafkaMessage {
    package static let api = APIKey.listOffsets

    package var replicaID: Int32 = 0
    package var isolationLevel: Int8 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&replicaID)
        if coder.version >= 2 { try coder.integer(&isolationLevel) }
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var timestamp: Int64 = 0
        package var maxNumOffsets: Int32 = 1

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            if coder.version >= 4 { try coder.integer(&currentLeaderEpoch) }
            try coder.integer(&timestamp)
            if coder.version == 0 { try coder.integer(&maxNumOffsets) }
        }
    }
}

/// In version 0 all offsets that there are, newest first; then one, with its timestamp.
package struct ListOffsetsResponse: KafkaMessage {
    package static let api = APIKey.listOffsets

    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        if coder.version >= 2 { try coder.integer(&throttleTimeMilliseconds) }
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var error = KafkaErrorCode.none
        package var offsets: [Int64] = []
        package var timestamp: Int64 = -1
        package var offset: Int64 = -1
        package var leaderEpoch: Int32 = -1

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&error.rawValue)
            if coder.version == 0 { try coder.array(&offsets) }
            if coder.version >= 1 {
                try coder.integer(&timestamp)
                try coder.integer(&offset)
            }
            if coder.version >= 4 { try coder.integer(&leaderEpoch) }
        }
    }
}

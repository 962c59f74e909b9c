/// Offsets before which records are to be removed; -1: all that there are.
package struct DeleteRecordsRequest: KafkaMessage {
    package static let api = APIKey.deleteRecords

    package var topics: [Topic] = []
    package var timeoutMilliseconds: Int32 = 0

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&topics)
        try coder.integer(&timeoutMilliseconds)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var offset: Int64 = 0

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&offset)
        }
    }
}

/// The first offset that is left.
package struct DeleteRecordsResponse: KafkaMessage {
    package static let api = APIKey.deleteRecords

    package var throttleTimeMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&throttleTimeMilliseconds)
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var lowWatermark: Int64 = 0
        package var error = KafkaErrorCode.none

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&lowWatermark)
            try coder.integer(&error.rawValue)
        }
    }
}

/// Asks for what stands behind offsets, and waits for it up to a time.
package struct FetchRequest: KafkaMessage {
    package static let api = APIKey.fetch

    package var replicaID: Int32 = -1
    package var maxWaitMilliseconds: Int32 = 0
    package var minBytes: Int32 = 0
    package var maxBytes: Int32 = .max
    package var isolationLevel: Int8 = 0
    package var sessionID: Int32 = 0
    package var sessionEpoch: Int32 = -1
    package var topics: [Topic] = []
    package var forgottenTopics: [ForgottenTopic] = []
    package var rackID = ""

    package init() {}

    @specialized(where Coder == FieldReader)
    @specialized(where Coder == FieldWriter)
    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&replicaID)
        try coder.integer(&maxWaitMilliseconds)
        try coder.integer(&minBytes)
        try coder.integer(&maxBytes)
        try coder.integer(&isolationLevel)
        if coder.version >= 7 {
            try coder.integer(&sessionID)
            try coder.integer(&sessionEpoch)
        }
        try coder.array(&topics)
        if coder.version >= 7 { try coder.array(&forgottenTopics) }
        if coder.version >= 11 { try coder.string(&rackID) }
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var fetchOffset: Int64 = 0
        package var lastFetchedEpoch: Int32 = -1
        package var logStartOffset: Int64 = -1
        package var partitionMaxBytes: Int32 = 0

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            if coder.version >= 9 { try coder.integer(&currentLeaderEpoch) }
            try coder.integer(&fetchOffset)
            if coder.version >= 12 { try coder.integer(&lastFetchedEpoch) }
            if coder.version >= 5 { try coder.integer(&logStartOffset) }
            try coder.integer(&partitionMaxBytes)
        }
    }

    package typealias ForgottenTopic = TopicPartitions
}

/// Whole record batches, the first of which may begin before the offset that was asked for.
package struct FetchResponse: KafkaMessage {
    package static let api = APIKey.fetch

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var sessionID: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    @specialized(where Coder == FieldReader)
    @specialized(where Coder == FieldWriter)
    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&throttleTimeMilliseconds)
        if coder.version >= 7 {
            try coder.integer(&error.rawValue)
            try coder.integer(&sessionID)
        }
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var error = KafkaErrorCode.none
        package var highWatermark: Int64 = 0
        package var lastStableOffset: Int64 = -1
        package var logStartOffset: Int64 = -1
        package var abortedTransactions: [AbortedTransaction]?
        package var preferredReadReplica: Int32 = -1
        package var records = RecordsField.null

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&error.rawValue)
            try coder.integer(&highWatermark)
            try coder.integer(&lastStableOffset)
            if coder.version >= 5 { try coder.integer(&logStartOffset) }
            try coder.array(&abortedTransactions)
            if coder.version >= 11 { try coder.integer(&preferredReadReplica) }
            try coder.records(&records)
        }
    }

    package struct AbortedTransaction: KafkaStructure {
        package var producerID: Int64 = 0
        package var firstOffset: Int64 = 0

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&producerID)
            try coder.integer(&firstOffset)
        }
    }
}

/// Asks for a producer's number, by which repeated batches are known.
package struct InitProducerIDRequest: KafkaMessage {
    package static let api = APIKey.initProducerID

    package var transactionalID: String?
    package var transactionTimeoutMilliseconds: Int32 = 0
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = -1

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&transactionalID)
        try coder.integer(&transactionTimeoutMilliseconds)
        if coder.version >= 3 {
            try coder.integer(&producerID)
            try coder.integer(&producerEpoch)
        }
    }
}

/// A number that nobody had before.
package struct InitProducerIDResponse: KafkaMessage {
    package static let api = APIKey.initProducerID

    package var throttleTimeMilliseconds: Int32 = 0
    package var error = KafkaErrorCode.none
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = 0

    package init() {}

    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.integer(&throttleTimeMilliseconds)
        try coder.integer(&error.rawValue)
        try coder.integer(&producerID)
        try coder.integer(&producerEpoch)
    }
}

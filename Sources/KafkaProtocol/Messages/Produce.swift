/// Record batches to be appended. With acknowledgements of 0 nothing is answered.
package struct ProduceRequest: KafkaMessage {
    package static let api = APIKey.produce

    package var transactionalID: String?
    package var acks: Int16 = 0
    package var timeoutMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    @specialized(where Coder == FieldReader)
    @specialized(where Coder == FieldWriter)
    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.string(&transactionalID)
        try coder.integer(&acks)
        try coder.integer(&timeoutMilliseconds)
        try coder.array(&topics)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var records = RecordsField.null

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.records(&records)
        }
    }
}

/// The offset that each batch has begun with, or why it was not taken.
package struct ProduceResponse: KafkaMessage {
    package static let api = APIKey.produce

    package var topics: [Topic] = []
    package var throttleTimeMilliseconds: Int32 = 0

    package init() {}

    @specialized(where Coder == FieldReader)
    @specialized(where Coder == FieldWriter)
    package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
        try coder.array(&topics)
        try coder.integer(&throttleTimeMilliseconds)
    }

    package typealias Topic = TopicPart<Partition>

    package struct Partition: KafkaStructure {
        package var partition: Int32 = 0
        package var error = KafkaErrorCode.none
        package var baseOffset: Int64 = 0
        package var logAppendTimeMilliseconds: Int64 = -1
        package var logStartOffset: Int64 = -1
        package var recordErrors: [RecordError] = []
        package var errorMessage: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&partition)
            try coder.integer(&error.rawValue)
            try coder.integer(&baseOffset)
            try coder.integer(&logAppendTimeMilliseconds)
            if coder.version >= 5 { try coder.integer(&logStartOffset) }
            if coder.version >= 8 {
                try coder.array(&recordErrors)
                try coder.string(&errorMessage)
            }
        }
    }

    package struct RecordError: KafkaStructure {
        package var batchIndex: Int32 = 0
        package var batchIndexErrorMessage: String?

        package init() {}

        package mutating func fields<Coder: FieldCoder>(_ coder: inout Coder) throws(KafkaProtocolError) {
            try coder.integer(&batchIndex)
            try coder.string(&batchIndexErrorMessage)
        }
    }
}

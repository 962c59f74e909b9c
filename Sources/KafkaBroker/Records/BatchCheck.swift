package import EventLog
package import KafkaProtocol
package import RecordFormat

/// Looks through a batch that a client has sent, down to its records, before anything of it is kept. It has no I/O.
package struct BatchCheck {
    /// Kafka's `message.max.bytes`.
    package let messageBytesMax: Int
    /// No record may be later, in milliseconds since 1970.
    package let latestTimestamp: Int64
    /// For a topic that keeps identities.
    package let hasher: RecordIdentityHasher?
    /// Whether the client's version of the protocol knows Zstandard.
    package let allowsZstandard: Bool

    package struct Refusal: Error, Equatable {
        package let code: KafkaErrorCode
        package let message: String
    }

    package struct Passed {
        package let header: RecordBatchHeader
        package let identities: [RecordIdentity?]
    }

    private static let zstandard = 4

    package init(messageBytesMax: Int, latestTimestamp: Int64, hasher: RecordIdentityHasher?, allowsZstandard: Bool) {
        self.messageBytesMax = messageBytesMax
        self.latestTimestamp = latestTimestamp
        self.hasher = hasher
        self.allowsZstandard = allowsZstandard
    }

    /// - Parameter bytes: what a request has for one partition: one batch.
    package func check(_ bytes: UnsafeRawBufferPointer, _ reader: inout RecordBatchReader) throws(Refusal) -> Passed {
        guard bytes.count <= messageBytesMax else {
            throw Refusal(code: .messageTooLarge, message: "the batch has \(bytes.count) bytes, \(messageBytesMax) are taken")
        }
        let header: RecordBatchHeader
        do throws(RecordFormatError) {
            header = try RecordBatchReader.checkedHeader(bytes)
        } catch {
            throw Refusal(code: Self.code(error), message: error.description)
        }
        try checkHead(header, byteCount: bytes.count)
        var (identities, greatest): ([RecordIdentity?], Int64) = ([], .min)
        do throws(RecordFormatError) {
            try reader.forEachRecord(in: bytes, header: header) { record in
                greatest = max(greatest, record.timestamp)
                if let hasher { identities.append(record.header("messageId").map(hasher.identity)) }
            }
        } catch {
            throw Refusal(code: Self.code(error), message: error.description)
        }
        guard greatest == header.maxTimestamp else {
            throw Refusal(
                code: .invalidTimestamp,
                message: "the greatest timestamp is \(greatest), the batch's head says \(header.maxTimestamp)")
        }
        return Passed(header: header, identities: identities)
    }

    private func checkHead(_ header: RecordBatchHeader, byteCount: Int) throws(Refusal) {
        guard header.totalBytes == byteCount else {
            throw Refusal(code: .invalidRecord, message: "a request has one batch for a partition, and nothing behind it")
        }
        guard !header.isControlBatch, !header.isTransactional else {
            throw Refusal(code: .invalidRecord, message: "transactions are not supported")
        }
        guard !header.hasAppendTime else {
            throw Refusal(code: .invalidTimestamp, message: "only the broker gives times of appends")
        }
        guard header.maxTimestamp <= latestTimestamp else {
            throw Refusal(
                code: .invalidTimestamp,
                message: "the timestamp \(header.maxTimestamp) is too far ahead, \(latestTimestamp) is the latest")
        }
        if header.codec == Self.zstandard && !allowsZstandard {
            throw Refusal(
                code: .unsupportedCompressionType, message: "Zstandard is for clients that know version 7 of Produce")
        }
        if header.producerID >= 0 {
            guard header.producerEpoch >= 0, header.baseSequence >= 0 else {
                throw Refusal(code: .invalidRecord, message: "a producer with a number has an epoch and numbers its batches")
            }
        }
    }

    private static func code(_ error: RecordFormatError) -> KafkaErrorCode {
        switch error {
        case .unsupportedMagic: .unsupportedForMessageFormat
        case .unsupportedCodec: .unsupportedCompressionType
        case .tooLarge: .messageTooLarge
        case .checksumMismatch, .truncated, .implausibleLength, .decompression: .corruptMessage
        default: .invalidRecord
        }
    }
}

public import RecordFormat

/// Record batches that somebody else has made, handed to a log together: those of one request. Each is appended as it is, byte for byte, but for
/// what Kafka's brokers write into it: its first offset, the leader's epoch, and the time where the log gives that.
public final class BatchGroup: @unchecked Sendable {
    // Sendable: nobody writes the bytes any more.

    public struct Entry: Sendable {
        public let topic: TopicHandle
        public let partition: Int32
        /// Where the batch starts in the group's bytes.
        public let start: Int
        /// As it came; its checksum holds, and its records are as many as it says.
        public let header: RecordBatchHeader
        /// Those of its records, in order, for a topic that keeps identities; empty otherwise.
        public let identities: [RecordIdentity?]

        public init(
            topic: TopicHandle, partition: Int32, start: Int, header: RecordBatchHeader, identities: [RecordIdentity?] = []
        ) {
            self.identities = identities
            self.topic = topic
            self.partition = partition
            self.start = start
            self.header = header
        }
    }

    /// Where the batches are, each at the `start` of its entry.
    private let bytes: UnsafeRawBufferPointer
    /// Whose memory the bytes are: one or the other.
    private let own: GrowableBytes
    private let owner: AnyObject?
    public let entries: [Entry]
    /// When they came, in milliseconds since 1970.
    public let timestamp: Int64

    public init(_ bytes: consuming GrowableBytes, entries: [Entry], timestamp: Int64) {
        self.bytes = bytes.bytes
        own = bytes
        owner = nil
        self.entries = entries
        self.timestamp = timestamp
    }

    /// Batches that stay where they are.
    ///
    /// - Parameter owner: `bytes` are there, and nobody writes them, for as long as it lives.
    public init(_ bytes: UnsafeRawBufferPointer, of owner: AnyObject, entries: [Entry], timestamp: Int64) {
        self.bytes = bytes
        own = GrowableBytes()
        self.owner = owner
        self.entries = entries
        self.timestamp = timestamp
    }

    public func batch(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[entry.start..<entry.start + entry.header.totalBytes])
    }

    public var byteCount: Int { bytes.count }
}

/// A log that takes whole batches.
public protocol BatchWriter: Sendable {
    /// Appends each batch of `group` to its partition, as `LogWriter.append` does: durable, or failed, when `onReceipt` is called, which must not
    /// block. Batches of one group and one partition keep their order.
    func append(_ group: BatchGroup, onReceipt: @escaping @Sendable ([BatchReceipt]) -> Void)
}

/// What became of a batch.
public enum BatchReceipt: Sendable {
    /// - Parameters:
    ///   - baseOffset: of its first record.
    ///   - appendTime: that of all records, in milliseconds since 1970, where the log gives the time.
    ///   - isRepeated: the same producer had it stored before, with these offsets.
    case stored(baseOffset: Int64, appendTime: Int64?, isRepeated: Bool)
    /// Nothing of it is stored.
    case refused(ProducerRefusal)
    case failed(LogError)
}

/// Why a batch of an idempotent producer is not the one that must come next.
public enum ProducerRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// Batches between the last one and this one are missing.
    case outOfOrder(expected: Int32, found: Int32)
    /// A producer with the same number has begun anew since.
    case fenced(epoch: Int16, current: Int16)
    /// It came before, but so long ago that nobody knows where it is.
    case tooOld(lastSequence: Int32, found: Int32)

    public var description: String {
        switch self {
        case .outOfOrder(let expected, let found): "the sequence number \(found) came where \(expected) must follow"
        case .fenced(let epoch, let current): "the producer's epoch is \(epoch), and \(current) has begun"
        case .tooOld(let last, let found):
            "the sequence number \(found) lies further before the last one, \(last), than is remembered"
        }
    }
}

/// Why a log could not do what it was asked, in words for an operator: what, where, what to do.
public struct LogError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// Nothing was written; the same may succeed later.
        case overloaded
        /// Nothing was written; the log is closing.
        case closing
        /// Nothing was written; the partition takes no writes (poisoned or read-only).
        case notWritable
        /// Nothing was written; the disk has less room left than is to be kept free.
        case lowSpace
        /// A write or a sync failed: the records may or may not be there after a restart.
        case outcomeUnknown
        case offsetOutOfRange
        case unknownTopic
        /// Bytes on disk are not what was written.
        case damaged
        /// Another process holds the data directory.
        case locked
        case io
        case invalidArgument
    }

    public let code: Code
    public let message: String
    public let partition: TopicPartition?

    public init(_ code: Code, _ message: String, partition: TopicPartition? = nil) {
        self.code = code
        self.message = message
        self.partition = partition
    }

    public var description: String { message }
}

/// A log that takes records. Implemented by the embedded engine (LogStorage) and by a cluster's client.
public protocol LogWriter: Sendable {
    /// Returns the handle and the number of partitions of an existing topic.
    func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)?

    /// Appends each record of `group` to its partition. Calls `onReceipt` once, when all of them are as durable as the log
    /// was configured to make them, or have failed: on a thread of the log, which waits for it, or on the caller's, before
    /// this returns, where the log did not take the group. So it must not block.
    ///
    /// Records of one group and one partition keep their order. There is no atomicity across partitions.
    func append(_ group: RecordGroup, onReceipt: @escaping @Sendable (AppendReceipt) -> Void)
}

/// A log in which topics can be made while it runs.
public protocol TopicMaker: Sendable {
    /// Makes a topic that is missing. When this returns, it takes records, and is there after a power cut.
    ///
    /// - Throws: `invalidArgument` where it exists with another number of partitions; `lowSpace`, `overloaded`, `closing` or `io` where it cannot be made
    ///   now.
    func make(_ topic: TopicDefinition) async throws(LogError)
}

extension LogWriter {
    /// The same for a task, which waits.
    public func append(_ group: RecordGroup) async -> AppendReceipt {
        await withUnsafeContinuation { continuation in append(group) { continuation.resume(returning: $0) } }
    }
}

/// What became of each record of a group, by its number there.
public struct AppendReceipt: Sendable {
    /// The offset of each record; `unassigned` where it was not stored.
    public var offsets: [Int64]
    /// The failures, one for each partition that had one. Empty: all is stored.
    public var failures: [LogError] = []

    public static let unassigned: Int64 = -1

    public init(offsets: [Int64], failures: [LogError] = []) {
        self.offsets = offsets
        self.failures = failures
    }

    /// A receipt for a group of which nothing was taken.
    public static func refused(_ group: RecordGroup, _ error: LogError) -> AppendReceipt {
        AppendReceipt(offsets: Array(repeating: unassigned, count: group.entries.count), failures: [error])
    }
}

/// A log that gives records back.
public protocol LogReader: Sendable {
    var topics: [TopicDefinition] { get }

    /// The first offset still there, the high watermark (the offset behind the last readable record), and how far records have come
    /// to rest.
    func bounds(of partition: TopicPartition) throws(LogError) -> OffsetBounds

    /// Raised whenever records of the topic have come to rest, in any partition.
    func growth(of topic: TopicName) -> GrowthSignal

    /// Brings all records below the high watermark to rest now, for a reader who does not want to wait for them.
    func settle(_ partition: TopicPartition) async throws(LogError)

    /// Whole record batches, as stored, from the one that holds `offset` on, up to the high watermark: at least one where
    /// there is one, otherwise at most `maximumBytes`. Empty at the high watermark.
    func read(
        _ partition: TopicPartition, from offset: Offset, maximumBytes: Int
    ) async throws(LogError) -> [UInt8]

    /// The first offset whose record's timestamp is at least `timestamp` (milliseconds since 1970); nil where all are older.
    func offset(_ partition: TopicPartition, atOrAfter timestamp: Int64) async throws(LogError) -> Offset?
}

public struct OffsetBounds: Equatable, Sendable {
    public let start: Offset
    public let highWatermark: Offset
    /// What lies before it is at rest: reading it costs the writers nothing. Records behind it may be waiting for others to fill their
    /// batch, and a read makes the log write them at once.
    public let settled: Offset
    /// False: the partition waits to be recovered, and what it serves may be less than what it holds.
    public let takesWrites: Bool

    /// - Parameter settled: nil: all is at rest.
    public init(start: Offset, highWatermark: Offset, settled: Offset? = nil, takesWrites: Bool = true) {
        self.takesWrites = takesWrites
        self.start = start
        self.highWatermark = highWatermark
        self.settled = settled ?? highWatermark
    }
}

/// A log that can say which messageIds it holds.
public protocol IdentitySource: Sendable {
    var identityHasher: RecordIdentityHasher { get }

    /// The identities of a partition's records from `since` (seconds since 1970) on, newest first.
    func identities(of partition: TopicPartition, since: UInt32) throws(LogError) -> any IdentityReader
}

/// Gives a partition's identities piece by piece, newest first. For one thread at a time.
public protocol IdentityReader: AnyObject {
    /// The piece before the one given last: at least one identity, in offset order. nil: all were given.
    func previous() throws(LogError) -> [StoredIdentity]?
}

public import RecordFormat

/// Records handed to a log together: those of one request. Put together by a `RecordGroupBuilder`, then only read.
///
/// The bodies (`RecordBody`) stand one behind the other, without a gap, in one piece of memory; an entry says where each lies,
/// which partition it goes to and, for topics that keep identities, whose it is.
public final class RecordGroup: Sendable {
    public struct Entry: Sendable {
        // Four words, which are handed on in registers, and half a cache line: another thread reads them than the one that wrote them.
        private let target: UInt64
        private let bytes: UInt64
        private let identityHigh: UInt64
        private let identityLow: UInt64

        private static let hasIdentity: UInt64 = 1 << 32

        fileprivate init(topic: TopicHandle, partition: Int, bytes: Range<Int>, identity: RecordIdentity?) {
            target = UInt64(UInt32(bitPattern: topic.index)) << 32 | UInt64(UInt32(partition))
            self.bytes = UInt64(UInt32(bytes.lowerBound)) << 32 | UInt64(UInt32(bytes.count))
            identityHigh = identity?.high ?? 0
            identityLow = identity.map { Self.hasIdentity | UInt64($0.low) } ?? 0
        }

        public var topic: TopicHandle { TopicHandle(index: Int32(truncatingIfNeeded: target >> 32)) }
        public var partition: Int32 { Int32(truncatingIfNeeded: target) }
        /// Where the body starts in the group's bodies.
        public var start: Int { Int(bytes >> 32) }
        public var byteCount: Int { Int(bytes & 0xFFFF_FFFF) }

        public var identity: RecordIdentity? {
            identityLow & Self.hasIdentity == 0
                ? nil : RecordIdentity(high: identityHigh, low: UInt32(truncatingIfNeeded: identityLow))
        }
    }

    public let bodies: GrowableBytes
    public let entries: [Entry]
    /// The records' creation time, in milliseconds since 1970.
    public let timestamp: Int64

    public init(_ builder: consuming RecordGroupBuilder) {
        timestamp = builder.timestamp
        entries = builder.entries
        bodies = builder.takeBodies()
    }

    public func body(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bodies.bytes[entry.start..<entry.start + entry.byteCount])
    }

    public var byteCount: Int { bodies.count }
}

/// A group while it is put together, by one owner.
public struct RecordGroupBuilder: ~Copyable {
    public var bodies: GrowableBytes
    public private(set) var entries: [RecordGroup.Entry] = []
    public let timestamp: Int64

    /// - Parameters:
    ///   - timestamp: the records' creation time, in milliseconds since 1970.
    ///   - bodyBytes: memory to begin with, in bytes.
    public init(timestamp: Int64, bodyBytes: Int = 0, recordCount: Int = 0) {
        self.timestamp = timestamp
        bodies = GrowableBytes(capacity: bodyBytes)
        entries.reserveCapacity(recordCount)
    }

    /// Declares all that was appended to `bodies` since byte `start` to be one record; returns its number in the group.
    public mutating func close(from start: Int, topic: TopicHandle, partition: Int, identity: RecordIdentity?) -> Int {
        precondition(start == entries.last.map { $0.start + $0.byteCount } ?? 0)
        entries.append(
            RecordGroup.Entry(topic: topic, partition: partition, bytes: start..<bodies.count, identity: identity))
        return entries.count - 1
    }

    consuming func takeBodies() -> GrowableBytes { bodies }
}

/// A topic as its log numbers it, so that nothing on the hot path compares names.
public struct TopicHandle: Hashable, Sendable {
    public let index: Int32

    public init(index: Int32) { self.index = index }
}

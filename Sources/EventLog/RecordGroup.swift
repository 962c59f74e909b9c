package import RecordFormat

/// Records handed to a log together: those of one request. Built by one owner, handed over once, then only read.
///
/// The bodies (`RecordBody`) stand one behind the other in one piece of memory; an entry says where each lies, which
/// partition it goes to and, for topics that keep identities, whose it is.
package final class RecordGroup: @unchecked Sendable {
    // Sendable: mutated only before `LogWriter.append` receives it (the builder is its single owner), read-only after.

    package struct Entry: Sendable {
        package let topic: TopicHandle
        package let partition: Int32
        package let start: Int
        package let byteCount: Int
        package let identity: RecordIdentity?
    }

    package var bodies: GrowableBytes
    package private(set) var entries: [Entry] = []
    /// The records' creation time, in milliseconds since 1970.
    package let timestamp: Int64

    package init(timestamp: Int64, bodyBytes: Int = 0, recordCount: Int = 0) {
        self.timestamp = timestamp
        self.bodies = GrowableBytes(capacity: bodyBytes)
        entries.reserveCapacity(recordCount)
    }

    /// Declares all that was appended to `bodies` since byte `start` to be one record; returns its number in the group.
    package func close(from start: Int, topic: TopicHandle, partition: Int, identity: RecordIdentity?) -> Int {
        entries.append(
            Entry(
                topic: topic, partition: Int32(partition), start: start, byteCount: bodies.count - start,
                identity: identity))
        return entries.count - 1
    }

    package func body(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bodies.bytes[entry.start..<entry.start + entry.byteCount])
    }

    package var byteCount: Int { bodies.count }
}

/// A topic as its log numbers it, so that nothing on the hot path compares names.
package struct TopicHandle: Hashable, Sendable {
    package let index: Int32

    package init(index: Int32) { self.index = index }
}

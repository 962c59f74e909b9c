/// Kafka's sparse time index. An entry is 12 bytes, big-endian: the greatest timestamp so far (i64, milliseconds since 1970)
/// and the last offset of the batch that has it, minus the segment's base (i32). Timestamps rise strictly.
package struct TimeIndex: Equatable, Sendable {
    package static let entryBytes = 12

    package struct Entry: Equatable, Sendable {
        package let timestamp: Int64
        package let relativeOffset: Int32
    }

    package private(set) var entries: [Entry] = []

    package init() {}

    /// Adds an entry unless the last one is as late.
    package mutating func append(timestamp: Int64, relativeOffset: Int32) {
        if let last = entries.last, last.timestamp >= timestamp { return }
        entries.append(Entry(timestamp: timestamp, relativeOffset: relativeOffset))
    }

    /// The last entry earlier than `timestamp`: every record up to its offset is earlier too.
    package func entry(before timestamp: Int64) -> Entry? {
        let found = entries.partitionPoint { $0.timestamp >= timestamp }
        return found == 0 ? nil : entries[found - 1]
    }

    /// The last entry of an offset not behind `relativeOffset`.
    package func entry(atOrBefore relativeOffset: Int32) -> Entry? {
        let found = entries.partitionPoint { $0.relativeOffset > relativeOffset }
        return found == 0 ? nil : entries[found - 1]
    }

    package func encoded(from first: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((entries.count - first) * Self.entryBytes)
        for entry in entries[first...] {
            bytes.append(bigEndian: entry.timestamp)
            bytes.append(bigEndian: entry.relativeOffset)
        }
        return bytes
    }

    /// Reads a file's contents; nil where they cannot be a time index.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count % Self.entryBytes == 0 else { return nil }
        for start in stride(from: 0, to: bytes.count, by: Self.entryBytes) {
            let entry = Entry(timestamp: bytes.bigEndian(at: start), relativeOffset: bytes.bigEndian(at: start + 8))
            let last = entries.last ?? Entry(timestamp: Int64.min, relativeOffset: -1)
            guard entry.timestamp > last.timestamp, entry.relativeOffset > last.relativeOffset else { return nil }
            entries.append(entry)
        }
    }

    /// Drops the entries of records at `relativeOffset` and behind.
    package mutating func removeEntries(from relativeOffset: Int32) {
        entries.removeSubrange(entries.partitionPoint { $0.relativeOffset >= relativeOffset }...)
    }
}

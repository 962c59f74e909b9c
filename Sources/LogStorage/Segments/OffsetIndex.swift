/// Kafka's sparse offset index: where in the segment a batch starts. An entry is 8 bytes, big-endian: the batch's last
/// offset minus the segment's base (i32), and the batch's position (i32).
///
/// One entry is made when more than `intervalBytes` were written since the last, so the contents follow from the log alone.
package struct OffsetIndex: Equatable, Sendable {
    package static let entryBytes = 8
    package static let intervalBytes = 4096

    package struct Entry: Equatable, Sendable {
        package let relativeOffset: Int32
        package let position: Int32
    }

    package private(set) var entries: [Entry] = []

    package init() {}

    package mutating func append(relativeOffset: Int32, position: Int32) {
        entries.append(Entry(relativeOffset: relativeOffset, position: position))
    }

    /// A position from which a walk along batches meets `relativeOffset`, or its batch: the last entry not behind it.
    package func position(atOrBefore relativeOffset: Int32) -> Entry? {
        let found = entries.partitionPoint { $0.relativeOffset > relativeOffset }
        return found == 0 ? nil : entries[found - 1]
    }

    /// The entries' bytes from entry `first` on.
    package func encoded(from first: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((entries.count - first) * Self.entryBytes)
        for entry in entries[first...] {
            bytes.append(bigEndian: entry.relativeOffset)
            bytes.append(bigEndian: entry.position)
        }
        return bytes
    }

    /// Reads a file's contents. nil where they cannot be an index of a segment of `segmentBytes`: a cut entry, or
    /// entries that do not rise.
    package init?(decoding bytes: [UInt8], segmentBytes: Int) {
        guard bytes.count % Self.entryBytes == 0 else { return nil }
        entries.reserveCapacity(bytes.count / Self.entryBytes)
        for start in stride(from: 0, to: bytes.count, by: Self.entryBytes) {
            let entry = Entry(
                relativeOffset: bytes.bigEndian(at: start), position: bytes.bigEndian(at: start + 4))
            let last = entries.last ?? Entry(relativeOffset: -1, position: -1)
            guard entry.relativeOffset > last.relativeOffset, entry.position > last.position,
                Int(entry.position) < segmentBytes
            else { return nil }
            entries.append(entry)
        }
    }

    /// Drops the entries of batches at `position` and behind.
    package mutating func removeEntries(from position: Int) {
        entries.removeSubrange(entries.partitionPoint { Int($0.position) >= position }...)
    }
}

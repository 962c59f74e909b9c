package import EventLog

/// Kafka's `recovery-point-offset-checkpoint`: a line `0`, a line with the number of entries, and for each partition a line
/// `topic partition offset`. Records below the offset were synced, caches included. One line more, with a name that no topic has,
/// says where the journal begins.
package struct RecoveryPoints: Equatable, Sendable {
    package var offsets: [TopicPartition: Int64] = [:]
    /// Of the journal's entries before this one, all records are in the segments and synced.
    package var journalSequence: UInt64 = 0

    private static let journalName = "~journal"

    package init() {}

    package func encoded() -> [UInt8] {
        OffsetCheckpoint.encoded(offsets, first: journalSequence > 0 ? ["\(Self.journalName) 0 \(journalSequence)"] : [])
    }

    /// What a file says; nothing at all where it is not whole, so that everything is scanned.
    package init(decoding bytes: [UInt8]) {
        var sequence: UInt64?
        let found = OffsetCheckpoint.decode(bytes) { parts in
            guard sequence == nil, parts.count == 3, parts[0] == Self.journalName, parts[1] == "0", let number = UInt64(parts[2])
            else { return false }
            sequence = number
            return true
        }
        guard let found else { return }
        offsets = found
        journalSequence = min(sequence ?? 0, JournalFormat.sequenceMax)
    }
}

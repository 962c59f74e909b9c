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
        var text = "0\n\(offsets.count + (journalSequence > 0 ? 1 : 0))\n"
        if journalSequence > 0 { text += "\(Self.journalName) 0 \(journalSequence)\n" }
        for (partition, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            text += "\(partition.topic) \(partition.partition) \(offset)\n"
        }
        return Array(text.utf8)
    }

    /// What a file says; nothing at all where it is not whole, so that everything is scanned.
    package init(decoding bytes: [UInt8]) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 3, lines[0] == "0", lines.last == "", let count = Int(lines[1]), count == lines.count - 3
        else { return }
        var found: [TopicPartition: Int64] = [:]
        var sequence: UInt64?
        for line in lines[2..<lines.count - 1] {
            let parts = line.split(separator: " ")
            if sequence == nil, parts.count == 3, parts[0] == Self.journalName, parts[1] == "0", let number = UInt64(parts[2]) {
                sequence = number
                continue
            }
            guard parts.count == 3, let topic = TopicName(String(parts[0])), let number = Int(parts[1]), number >= 0,
                let offset = Int64(parts[2]), (0...FileNames.offsetMax).contains(offset),
                found.updateValue(offset, forKey: TopicPartition(topic, PartitionID(number))) == nil
            else { return }
        }
        offsets = found
        journalSequence = min(sequence ?? 0, JournalFormat.sequenceMax)
    }
}

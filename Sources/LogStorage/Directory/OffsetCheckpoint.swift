internal import EventLog

/// The text of Kafka's `*-offset-checkpoint` files: a line `0`, a line with the number of entries, and a line `name partition offset` for each.
enum OffsetCheckpoint {
    static func encoded(_ offsets: [TopicPartition: Int64], first: [String] = []) -> [UInt8] {
        var text = "0\n\(offsets.count + first.count)\n"
        for line in first { text += "\(line)\n" }
        for (partition, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            text += "\(partition.topic) \(partition.partition) \(offset)\n"
        }
        return Array(text.utf8)
    }

    /// What a file says; nil where it is not whole.
    ///
    /// - Parameter isTaken: told the words of each line; true where it is none of a partition's.
    static func decode(_ bytes: [UInt8], isTaken: ([Substring]) -> Bool = { _ in false }) -> [TopicPartition: Int64]? {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 3, lines[0] == "0", lines.last == "", let count = Int(lines[1]), count == lines.count - 3
        else { return nil }
        var found: [TopicPartition: Int64] = [:]
        for line in lines[2..<lines.count - 1] {
            let parts = line.split(separator: " ")
            if isTaken(parts) { continue }
            guard parts.count == 3, let topic = TopicName(String(parts[0])), let number = Int(parts[1]), number >= 0,
                let offset = Int64(parts[2]), (0...FileNames.offsetMax).contains(offset),
                found.updateValue(offset, forKey: TopicPartition(topic, PartitionID(number))) == nil
            else { return nil }
        }
        return found
    }
}

/// A partition's number within its topic, from 0.
public struct PartitionID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: Int

    public init(_ number: Int) { self.number = number }

    public static func < (a: PartitionID, b: PartitionID) -> Bool { a.number < b.number }
    public var description: String { String(number) }
}

public struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let topic: TopicName
    public let partition: PartitionID

    public init(_ topic: TopicName, _ partition: PartitionID) {
        self.topic = topic
        self.partition = partition
    }

    public static func < (a: Self, b: Self) -> Bool { (a.topic, a.partition) < (b.topic, b.partition) }
    /// Kafka's name for the partition's folder, `<topic>-<partition>`.
    public var description: String { "\(topic)-\(partition)" }
}

/// A topic's name under Kafka's rule: 1 to 249 of ASCII letters, digits, `.`, `_`, `-`; not `.` or `..`.
/// So it is a safe folder name too.
public struct TopicName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public static let charactersMax = 249
    public let text: String

    /// nil where `text` breaks the rule.
    public init?(_ text: String) {
        let legal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard legal, (1...Self.charactersMax).contains(text.utf8.count), text != ".", text != ".." else { return nil }
        self.text = text
    }

    public static func < (a: TopicName, b: TopicName) -> Bool { a.text < b.text }
    public var description: String { text }
}

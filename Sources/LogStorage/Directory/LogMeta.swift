package import EventLog

/// `meta.properties`: what a log directory was made with. Text, `key=value` lines, written once for each new topic.
package struct LogMeta: Equatable, Sendable {
    package static let version = 1

    package var identityKey: SipHash128.Key
    package var topics: [TopicDefinition]

    package func encoded() -> [UInt8] {
        var lines = [
            "version=\(Self.version)",
            "identity.key=\(hexadecimal(identityKey.k0))\(hexadecimal(identityKey.k1))",
        ]
        for topic in topics {
            lines.append("topic.\(topic.name)=\(topic.partitionCount)\(topic.keepsIdentities ? ",identities" : "")")
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    package init(identityKey: SipHash128.Key, topics: [TopicDefinition]) {
        self.identityKey = identityKey
        self.topics = topics
    }

    package init(decoding bytes: [UInt8], path: String) throws(LogError) {
        var key: SipHash128.Key?
        var found: [TopicDefinition] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            let isUnderstood: Bool
            if parts.count != 2 {
                isUnderstood = false
            } else if parts[0] == "version" {
                isUnderstood = parts[1] == String(Self.version)
            } else if parts[0] == "identity.key" {
                key = Self.key(parts[1])
                isUnderstood = key != nil
            } else if parts[0].hasPrefix("topic."), let topic = Self.topic(parts[0].dropFirst(6), parts[1]) {
                found.append(topic)
                isUnderstood = true
            } else {
                isUnderstood = false
            }
            guard isUnderstood else {
                throw LogError(.damaged, "\(path): cannot read the line \"\(line)\"; restore the file from a copy")
            }
        }
        guard let key else { throw LogError(.damaged, "\(path): identity.key is missing; restore the file from a copy") }
        self.init(identityKey: key, topics: found)
    }

    private static func key(_ digits: String) -> SipHash128.Key? {
        guard digits.utf8.count == 32, let k0 = UInt64(digits.prefix(16), radix: 16),
            let k1 = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        return SipHash128.Key(k0: k0, k1: k1)
    }

    private static func topic(_ name: Substring, _ value: String) -> TopicDefinition? {
        let parts = value.split(separator: ",").map(String.init)
        guard let topicName = TopicName(String(name)), let first = parts.first, let count = Int(first),
            (1...TopicDefinition.partitionsMax).contains(count), parts.count == 1 || parts[1...] == ["identities"]
        else { return nil }
        return TopicDefinition(name: topicName, partitionCount: count, keepsIdentities: parts.count == 2)
    }

    private func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

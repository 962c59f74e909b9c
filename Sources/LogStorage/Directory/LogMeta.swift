package import EventLog
internal import RecordFormat

/// `meta.properties`: what a log directory was made with. Text, `key=value` lines and a checksum, written once for each new topic.
package struct LogMeta: Equatable, Sendable {
    package static let version = 2

    package var identityKey: SipHash128.Key
    package var topics: [TopicDefinition]

    package func encoded() -> [UInt8] {
        var lines = [
            "\(Self.versionKey)=\(Self.version)",
            "identity.key=\(hexadecimal(identityKey.k0, digits: 16))\(hexadecimal(identityKey.k1, digits: 16))",
        ]
        for topic in topics {
            lines.append("topic.\(topic.name)=\(topic.partitionCount)\(topic.keepsIdentities ? ",identities" : "")")
        }
        let text = lines.joined(separator: "\n") + "\n"
        return Array((text + Self.checksumLine(of: text)).utf8)
    }

    private static let versionKey = "version"

    /// The last line. It covers everything before it, for a bit that flips there could take a topic, or its partitions, from the log.
    private static func checksumLine(of text: String) -> String {
        let checksum = Array(text.utf8).withUnsafeBytes { CRC32C.checksum($0) }
        return "checksum=\(hexadecimal(UInt64(checksum), digits: 8))\n"
    }

    package init(identityKey: SipHash128.Key, topics: [TopicDefinition]) {
        self.identityKey = identityKey
        self.topics = topics
    }

    package init(decoding bytes: [UInt8], path: String) throws(LogError) {
        func damaged(_ problem: String) -> LogError {
            LogError(
                .damaged,
                "\(path): \(problem); remove the file, and the next start makes it anew from the partitions' folders")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first == "\(Self.versionKey)=\(Self.version)" else {
            throw damaged("it does not begin with \(Self.versionKey)=\(Self.version)")
        }
        guard lines.count >= 3, lines.removeLast().isEmpty else { throw damaged("it ends too early") }
        lines.removeLast()
        let covered = lines.joined(separator: "\n") + "\n"
        guard text == covered + Self.checksumLine(of: covered) else { throw damaged("its checksum does not match") }
        var key: SipHash128.Key?
        var found: [TopicDefinition] = []
        for line in lines.dropFirst() {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2, parts[0] == "identity.key", key == nil, let read = Self.key(parts[1]) {
                key = read
            } else if parts.count == 2, parts[0].hasPrefix("topic."), let topic = Self.topic(parts[0].dropFirst(6), parts[1]),
                !found.contains(where: { $0.name == topic.name })
            {
                found.append(topic)
            } else {
                throw damaged("it cannot hold the line \"\(line)\"")
            }
        }
        guard let key else { throw damaged("identity.key is missing") }
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
}

private func hexadecimal(_ word: UInt64, digits: Int) -> String {
    let found = String(word, radix: 16)
    return String(repeating: "0", count: digits - found.count) + found
}

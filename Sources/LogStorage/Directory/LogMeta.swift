package import EventLog
internal import RecordFormat

/// `meta.properties`: what a log directory was made with. Text, `key=value` lines and a checksum, written once for each new topic.
package struct LogMeta: Equatable, Sendable {
    package static let version = 3
    /// Without batches that came whole, and without topics that went: read as it is.
    private static let versionBefore = 2

    package var identityKey: SipHash128.Key
    package var topics: [TopicDefinition]
    /// How often a topic was deleted.
    package var deletionCount = 0
    /// How often that had been done when a topic was made, where it was at all: what the journal holds of another topic of the same name is not
    /// taken for its.
    package var numbers: [TopicName: Int] = [:]
    /// Topics that are deleted, and whose folders may still be there.
    package var deleting: [TopicName: Int] = [:]

    package func encoded() -> [UInt8] {
        var lines = [
            "\(Self.versionKey)=\(Self.version)",
            "identity.key=\(hexadecimal(identityKey.k0, digits: 16))\(hexadecimal(identityKey.k1, digits: 16))",
        ]
        for topic in topics {
            var value = "\(topic.partitionCount)"
            if topic.keepsIdentities { value += ",\(Self.identitiesWord)" }
            if let times = topic.wholeBatches { value += ",\(times.rawValue)" }
            if let number = numbers[topic.name] { value += ",\(Self.numberPrefix)\(number)" }
            lines.append("\(Self.topicPrefix)\(topic.name)=\(value)")
        }
        for (name, count) in deleting.sorted(by: { $0.key < $1.key }) { lines.append("\(Self.deletingPrefix)\(name)=\(count)") }
        if deletionCount > 0 { lines.append("\(Self.deletionsKey)=\(deletionCount)") }
        let text = lines.joined(separator: "\n") + "\n"
        return Array((text + Self.checksumLine(of: text)).utf8)
    }

    private static let versionKey = "version"
    private static let deletionsKey = "deletions"
    private static let topicPrefix = "topic."
    private static let deletingPrefix = "deleting."
    private static let identitiesWord = "identities"
    private static let numberPrefix = "number:"

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
        guard [Self.version, Self.versionBefore].contains(where: { lines.first == "\(Self.versionKey)=\($0)" }) else {
            throw damaged("it does not begin with \(Self.versionKey)=\(Self.version)")
        }
        guard lines.count >= 3, lines.removeLast().isEmpty else { throw damaged("it ends too early") }
        lines.removeLast()
        let covered = lines.joined(separator: "\n") + "\n"
        guard text == covered + Self.checksumLine(of: covered) else { throw damaged("its checksum does not match") }
        var key: SipHash128.Key?
        self.init(identityKey: SipHash128.Key(k0: 0, k1: 0), topics: [])
        for line in lines.dropFirst() {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2, parts[0] == "identity.key", key == nil, let read = Self.key(parts[1]) {
                key = read
            } else if parts.count != 2 || !read(parts[0], parts[1]) {
                throw damaged("it cannot hold the line \"\(line)\"")
            }
        }
        guard let key else { throw damaged("identity.key is missing") }
        identityKey = key
    }

    /// Takes over what a line says; false where it cannot be one.
    private mutating func read(_ name: String, _ value: String) -> Bool {
        if name == Self.deletionsKey {
            guard deletionCount == 0, let count = Int(value), count > 0 else { return false }
            deletionCount = count
            return true
        }
        if name.hasPrefix(Self.deletingPrefix) {
            guard let topic = TopicName(String(name.dropFirst(Self.deletingPrefix.count))), let count = Int(value),
                (1...TopicDefinition.partitionsMax).contains(count), deleting.updateValue(count, forKey: topic) == nil
            else { return false }
            return true
        }
        guard name.hasPrefix(Self.topicPrefix), let topicName = TopicName(String(name.dropFirst(Self.topicPrefix.count))),
            !topics.contains(where: { $0.name == topicName })
        else { return false }
        return readTopic(topicName, value)
    }

    private mutating func readTopic(_ name: TopicName, _ value: String) -> Bool {
        var parts = value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)[...]
        guard let first = parts.popFirst(), let count = Int(first), (1...TopicDefinition.partitionsMax).contains(count) else {
            return false
        }
        let keepsIdentities = parts.first == Self.identitiesWord
        if keepsIdentities { parts.removeFirst() }
        let wholeBatches = parts.first.flatMap(TopicDefinition.Timestamps.init)
        if wholeBatches != nil { parts.removeFirst() }
        if let word = parts.first, word.hasPrefix(Self.numberPrefix) {
            guard let number = Int(word.dropFirst(Self.numberPrefix.count)), number > 0 else { return false }
            numbers[name] = number
            parts.removeFirst()
        }
        topics.append(
            TopicDefinition(name: name, partitionCount: count, keepsIdentities: keepsIdentities, wholeBatches: wholeBatches))
        return parts.isEmpty
    }

    /// How the journal names a topic.
    func journalTopic(_ topic: TopicDefinition) -> JournalFormat.Topic {
        JournalFormat.Topic(name: topic.name, partitionCount: topic.partitionCount, number: numbers[topic.name] ?? 0)
    }

    /// The number of each topic; 0: it has none.
    var numbersOfAll: [TopicName: Int] {
        Dictionary(topics.map { ($0.name, numbers[$0.name] ?? 0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Adds a topic.
    package mutating func add(_ topic: TopicDefinition) {
        topics.append(topic)
        if deletionCount > 0 { numbers[topic.name] = deletionCount }
    }

    /// Takes a topic away, whose folders are to go.
    package mutating func delete(_ topic: TopicDefinition) {
        topics.removeAll { $0.name == topic.name }
        numbers[topic.name] = nil
        deleting[topic.name] = topic.partitionCount
        deletionCount += 1
    }

    private static func key(_ digits: String) -> SipHash128.Key? {
        guard digits.utf8.count == 32, let k0 = UInt64(digits.prefix(16), radix: 16),
            let k1 = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        return SipHash128.Key(k0: k0, k1: k1)
    }
}

private func hexadecimal(_ word: UInt64, digits: Int) -> String {
    let found = String(word, radix: 16)
    return String(repeating: "0", count: digits - found.count) + found
}

/// Somebody who may use the listener, and what for.
package struct User: Sendable, Equatable {
    package let name: String
    package let password: String
    /// Topics that may be read; groups may be used by whoever may read.
    package let reads: [TopicPattern]
    package let writes: [TopicPattern]
    /// Topics that may be made, deleted and emptied.
    package let manages: [TopicPattern]

    package init(
        name: String, password: String, reads: [TopicPattern] = [], writes: [TopicPattern] = [], manages: [TopicPattern] = []
    ) {
        self.name = name
        self.password = password
        self.reads = reads
        self.writes = writes
        self.manages = manages
    }

    /// Whoever comes where nobody has to say who it is.
    package static let anyone = User(name: "anyone", password: "", reads: [.all], writes: [.all], manages: [.all])

    func mayRead(_ topic: String) -> Bool { reads.contains { $0.matches(topic) } }
    func mayWrite(_ topic: String) -> Bool { writes.contains { $0.matches(topic) } }
    func mayManage(_ topic: String) -> Bool { manages.contains { $0.matches(topic) } }
    /// Whether it is told that a topic is there.
    func maySee(_ topic: String) -> Bool { mayRead(topic) || mayWrite(topic) || mayManage(topic) }
    var mayUseGroups: Bool { !reads.isEmpty }
    var mayManageSome: Bool { !manages.isEmpty }
}

/// A topic's name, or the beginning of some: `okla.*`, `*`.
package struct TopicPattern: Sendable, Equatable {
    package let text: String

    package static let all = TopicPattern("*")

    package init(_ text: String) { self.text = text }

    package func matches(_ topic: String) -> Bool {
        text.hasSuffix("*") ? topic.utf8.starts(with: text.utf8.dropLast()) : topic == text
    }
}

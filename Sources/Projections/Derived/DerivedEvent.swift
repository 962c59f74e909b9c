internal import EventLog
internal import EventModel
internal import Foundation

/// An event that follows from others, on its way into the topic of derived events.
struct DerivedEvent: Sendable, Equatable {
    enum Name: String, Sendable {
        case userIdentified = "user.identified"
        case sessionStarted = "session.started"
        case sessionEnded = "session.ended"
    }

    let name: Name
    /// Follows from its cause alone: whoever derives it again gives it the same.
    let messageID: String
    /// Of the record: the user's id, or where nobody knows it the anonymous one.
    let key: String
    /// A JSON object.
    let value: Data

    /// Whose an event is.
    struct Subject: Sendable, Equatable {
        let user: String?
        let anonymous: String?

        /// nil where neither is known.
        var key: String? { user ?? anonymous }
    }

    /// - Parameters:
    ///   - cause: what it follows from; of each name and cause there is one event in a log.
    ///   - time: when it happened, in milliseconds since 1970.
    ///   - members: further ones of the object, each value as JSON.
    init(
        _ name: Name, cause: String, of subject: Subject, key: String, time: Int64, members: [(name: String, json: Data)],
        hasher: RecordIdentityHasher
    ) {
        self.name = name
        self.key = key
        messageID = Self.messageID(name, cause, hasher)
        var value = Data(
            "{\"event\":\"\(name.rawValue)\",\"messageId\":\"\(messageID)\",\"timestamp\":\"\(Timestamp.text(time))\"".utf8)
        func add(_ name: String, _ json: Data) {
            value.append(contentsOf: ",\"\(name)\":".utf8)
            value.append(json)
        }
        add("userId", Self.json(subject.user))
        add("anonymousId", Self.json(subject.anonymous))
        for member in members { add(member.name, member.json) }
        value.append(UInt8(ascii: "}"))
        self.value = value
    }

    static func json(_ text: String?) -> Data {
        guard let text else { return Data("null".utf8) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let json = try? encoder.encode(text) else { preconditionFailure("every string is JSON") }
        return json
    }

    /// A UUID of version 8 (RFC 9562): its bits are a hash under the log's own key.
    private static func messageID(_ name: Name, _ cause: String, _ hasher: RecordIdentityHasher) -> String {
        let (high, low) = Array("\(name.rawValue)\0\(cause)".utf8).withUnsafeBytes { SipHash128.hash($0, key: hasher.key) }
        let marked = (high & ~0xF000 | 0x8000, low & ~(3 << 62) | 2 << 62)
        func digits(_ number: UInt64) -> String {
            String(repeating: "0", count: 16 - String(number, radix: 16).count) + String(number, radix: 16)
        }
        var text = digits(marked.0) + digits(marked.1)
        for place in [20, 16, 12, 8] { text.insert("-", at: text.index(text.startIndex, offsetBy: place)) }
        return text
    }
}

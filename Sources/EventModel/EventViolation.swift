/// One thing wrong with an event.
public struct EventViolation: Equatable, Sendable {
    /// JSON Pointer (RFC 6901) to the place; empty for the event itself.
    public let path: String
    /// The rule that was broken, in JSON Schema's words where it has one.
    public let keyword: String
    /// What is wrong and what to do, in plain words.
    public let message: String

    public init(path: String, keyword: String, message: String) {
        self.path = path
        self.keyword = keyword
        self.message = message
    }
}

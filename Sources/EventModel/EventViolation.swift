/// One thing wrong with an event.
package struct EventViolation: Equatable, Sendable {
    /// JSON Pointer (RFC 6901) to the place; empty for the event itself.
    package let path: String
    /// The rule that was broken, in JSON Schema's words where it has one.
    package let keyword: String
    /// What is wrong and what to do, in plain words.
    package let message: String

    package init(path: String, keyword: String, message: String) {
        self.path = path
        self.keyword = keyword
        self.message = message
    }
}

package import EventModel

/// That an event makes an id a user's.
package struct AliasClaim {
    /// What the event is.
    package enum Kind: Int64, Sendable {
        /// `identify`: the id is an anonymous one.
        case identify = 0
        /// `alias`: the id is an anonymous one, or one that the user had before.
        case alias = 1

        /// nil where an event of this name claims nothing.
        package init?(event name: UnsafeRawBufferPointer) {
            if name.isText("identify") {
                self = .identify
            } else if name.isText("alias") {
                self = .alias
            } else {
                return nil
            }
        }
    }

    /// Bytes of an id: as many as those have that an event may name its sender by. What is longer is nobody's.
    package static let idBytesMax = 1024

    package let kind: Kind
    package let user: ExactText
    /// nil where an `identify` names none.
    package let id: ExactText?

    /// nil where it says of no user anything.
    package init?(_ kind: Kind, event: JSONValue) {
        guard let user = event.member("userId")?.string, !user.isEmpty else { return nil }
        self.kind = kind
        self.user = ExactText(user)
        let id = event.member(kind == .identify ? "anonymousId" : "previousId")?.string.map(ExactText.init)
        // Of an id that is its own user's there is nothing to say, unless it is an anonymous one that happens to be called so.
        let isID = id.map { (1...Self.idBytesMax).contains($0.string.utf8.count) } ?? false
        self.id = !isID || kind == .alias && id == self.user ? nil : id
    }
}

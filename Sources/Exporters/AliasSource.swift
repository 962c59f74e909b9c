package import EventModel

/// Whose an anonymous id was, and when.
package struct AliasOwner: Sendable, Equatable {
    /// Users that an id may have had, one after the other. One that had more is a machine that everybody uses: of its rows only those have
    /// users that name them.
    static let ownersMax = 100

    package let user: String
    /// In milliseconds since 1970: from the first of these times on, and before the second; nil: from the beginning, to the end.
    package let from: Int64?
    package let to: Int64?

    package init(user: String, from: Int64?, to: Int64?) {
        self.user = user
        self.from = from
        self.to = to
    }

    func holds(_ time: Int64) -> Bool { time >= from ?? .min && time < to ?? .max }
}

/// Knows which anonymous ids became whose. Blocks.
package protocol AliasSource: Sendable {
    /// Empty where it was nobody's. Cheap where that is so.
    func owners(of id: ExactText) throws -> [AliasOwner]

    /// Waits until it knows what the events before these offsets said, of each partition. False: it does not yet.
    func reach(_ positions: [Int64]) async -> Bool

    /// The same for everything that has come to rest in the log by now.
    func reachSettled() async -> Bool
}

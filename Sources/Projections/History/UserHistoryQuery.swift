package import EventModel

/// What somebody wants to see of a user.
package struct UserHistoryQuery: Sendable {
    package static let eventsDefault = 100
    package static let eventsMax = 1000

    package var user: ExactText
    package var limit = eventsDefault
    /// Where the page before ended.
    package var cursor: UserHistoryCursor?
    /// Records received from this time on, in milliseconds since 1970.
    package var from: Int64?
    /// Records received before this time.
    package var to: Int64?
    /// Only events of this name.
    package var event: ExactText?

    package init(user: String) { self.user = ExactText(user) }
}

/// A piece of a user's history, newest first.
package struct UserHistoryPage: Sendable {
    package struct Event: Sendable {
        package let partition: Int
        package let offset: Int64
        /// When it was received, in milliseconds since 1970.
        package let time: Int64
        /// As it is stored: a JSON object.
        package let json: [UInt8]
    }

    package var events: [Event] = []
    /// nil: that was all.
    package var nextCursor: UserHistoryCursor?
}

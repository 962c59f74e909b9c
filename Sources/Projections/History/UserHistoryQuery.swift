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

/// A place in a user's history, between two records: those behind it are on the next page.
package struct UserHistoryCursor: Sendable, Equatable {
    /// The record before it: received when, and where it stands.
    package let time: Int64
    package let partition: Int
    package let offset: Int64
    /// When the first page was asked for: what is said of aliases later changes nothing on the pages behind it.
    package let asOf: Int64

    package init(time: Int64, partition: Int, offset: Int64, asOf: Int64) {
        self.time = time
        self.partition = partition
        self.offset = offset
        self.asOf = asOf
    }

    package var text: String { "\(time).\(partition).\(offset).\(asOf)" }

    /// nil for what is no cursor.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in part.first == "+" ? nil : Int64(part) }
        guard parts.count == 4, numbers.count == 4, numbers[1] >= 0, numbers[1] <= Int32.max, numbers[2] >= 0 else { return nil }
        self.init(time: numbers[0], partition: Int(numbers[1]), offset: numbers[2], asOf: numbers[3])
    }
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

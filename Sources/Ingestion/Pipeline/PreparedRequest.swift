internal import EventLog
internal import EventModel

/// A decoded request: its records, and what each event has become so far. Every one must be committed.
package struct PreparedRequest: Sendable {
    struct Event: Sendable {
        enum Fate: Sendable {
            /// Goes into the log as this entry of the group.
            case written(entry: Int)
            case duplicate(partition: Int, offset: Int64)
            case inFlight(RequestReservations, event: Int)
            case undecided
            /// Another collector has it.
            case storedElsewhere
            /// Another collector may be writing it.
            case pendingElsewhere
            /// Goes into the topic of rejected events as this entry of the group.
            case rejected([EventViolation], entry: Int)
            /// Was rejected before, and stays where it is.
            case rejectedAgain([EventViolation])
        }

        let fate: Fate
        /// Only where the answer names it.
        let messageID: String?
        /// The ledger's number of its name.
        let type: Int
    }

    /// Of its records.
    package var byteCount: Int { group.byteCount }

    let group: RecordGroup
    let reservations: RequestReservations
    var events: [Event]
    let wantsReceipts: Bool
    /// The ledger's number of the write key.
    let keyNumber: Int
    /// Whether its event was received, and counted, before.
    let isRetry: Bool
    /// When its preparation began, by `SteadyClock`.
    var begunAt: UInt64 = 0
}

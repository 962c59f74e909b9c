/// What became of events that were received: at any moment, received = stored + duplicate + rejected + limited + unavailable.
package struct LedgerTally: Sendable, Equatable {
    package enum Outcome: Int, Sendable, CaseIterable {
        /// In the log.
        case stored
        /// Known by its messageId already.
        case duplicate
        /// In the log of rejected events.
        case rejected
        /// Refused for a rate limit.
        case limited
        /// The log could not take it; the client was told to send it again.
        case unavailable

        /// Whether the log tells how many there are.
        var isInTheLog: Bool { self == .stored || self == .rejected }
    }

    private var counts = SIMD8<Int64>()

    package init() {}

    package subscript(outcome: Outcome) -> Int64 {
        get { counts[outcome.rawValue] }
        set { counts[outcome.rawValue] = newValue }
    }

    package var received: Int64 { counts.wrappedSum() }

    static func += (tally: inout LedgerTally, other: LedgerTally) { tally.counts &+= other.counts }
}

package import EventLog
package import EventModel

/// What a replay is to do, as it stays from the moment that it was asked for.
package struct ReplayPlan: Sendable, Equatable {
    package let id: String
    /// Milliseconds since 1970.
    package let createdAt: Int64
    /// What is read.
    package let source: TopicName
    /// The offsets to read, of each partition of the source.
    package let ranges: [Range<Int64>]
    /// Names of events; empty: all.
    package let events: [String]
    /// nil: of whomever.
    package let user: String?
    /// Where to, as it was asked for.
    package let target: String
    /// nil: as fast as it goes.
    package let eventsPerSecond: Int?
    /// Counts only, and writes nothing.
    package let isDry: Bool

    package init(
        id: String, createdAt: Int64, source: TopicName, ranges: [Range<Int64>], events: [String] = [], user: String? = nil,
        target: String,
        eventsPerSecond: Int? = nil, isDry: Bool = false
    ) {
        self.id = id
        self.createdAt = createdAt
        self.source = source
        self.ranges = ranges
        self.events = events
        self.user = user
        self.target = target
        self.eventsPerSecond = eventsPerSecond
        self.isDry = isDry
    }

    /// Offsets to pass.
    package var total: Int64 { ranges.reduce(0) { $0 + Int64($1.count) } }
}

/// How far a replay is.
package struct ReplayProgress: Sendable, Equatable {
    package enum State: String, Sendable, CaseIterable {
        case queued, running, done, failed, cancelled

        package var hasEnded: Bool { self == .done || self == .failed || self == .cancelled }
    }

    /// Names of events that are counted by themselves.
    package static let namesMax = 100

    package var state = State.queued
    /// The next offset, of each partition of the source.
    package var positions: [Int64]
    /// Where each partition of a topic ended that is written to, when all before `positions` was there: what this replay writes later
    /// stands behind. nil: nothing was written yet.
    package var mark: [Int64]?
    /// Records that were read, that the filter took, and that are in the target.
    package var (readCount, matchedCount, writtenCount): (Int64, Int64, Int64) = (0, 0, 0)
    /// Offsets whose records are lost or were removed.
    package var missedCount: Int64 = 0
    /// Those that the filter took, by the event's name; others than the first `namesMax` under an empty one.
    package var matched: [ExactText: Int64] = [:]
    /// Milliseconds since 1970.
    package var startedAt: Int64?
    package var endedAt: Int64?
    /// Why it failed, or why it does not get on at the moment.
    package var problem: String?

    package init(_ plan: ReplayPlan) { positions = plan.ranges.map(\.lowerBound) }

    /// Offsets that are passed.
    package func passed(_ plan: ReplayPlan) -> Int64 {
        zip(positions, plan.ranges).reduce(0) { $0 + $1.0 - $1.1.lowerBound }
    }

    mutating func count(event: UnsafeRawBufferPointer?) {
        matchedCount += 1
        let name = ExactText(event.map { String(decoding: $0, as: UTF8.self) } ?? "")
        matched[matched[name] != nil || matched.count < Self.namesMax ? name : ExactText(""), default: 0] += 1
    }
}

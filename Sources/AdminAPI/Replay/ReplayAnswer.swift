internal import Collector
internal import Consumption
internal import EventModel
internal import Hummingbird

/// A replay as its routes show it. Times are RFC 3339.
struct ReplayAnswer: ResponseEncodable {
    /// What stands there as null where it is nil.
    struct OrNull<Value: Encodable>: Encodable {
        let value: Value?

        init(_ value: Value?) { self.value = value }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }

    struct Filter: Encodable {
        let events: [String]
        let userId: OrNull<String>
    }

    struct Range: Encodable {
        let partition: Int
        let from, to: Int64
    }

    struct Count: Encodable {
        /// null: of all names that are not told by themselves.
        let event: OrNull<String>
        let count: Int64
    }

    let id, state: String
    let target: OrNull<String>
    let dryRun: Bool
    let filter: Filter
    let eventsPerSecond: OrNull<Int>
    let createdAt: String
    let startedAt, endedAt: OrNull<String>
    /// The offsets to read, `to` excluded.
    let ranges: [Range]
    /// Offsets to pass, and those that are passed.
    let total, passed: Int64
    let read, matched, written, missed: Int64
    /// Those that matched, the most frequent names first.
    let events: [Count]
    let problem: OrNull<String>

    init(_ replay: Replay) {
        let (plan, progress) = (replay.plan, replay.progress)
        (id, state) = (plan.id, progress.state.rawValue)
        target = OrNull(plan.target.isEmpty ? nil : plan.target)
        (dryRun, eventsPerSecond) = (plan.isDry, OrNull(plan.eventsPerSecond))
        filter = Filter(events: plan.events, userId: OrNull(plan.user))
        createdAt = Timestamp.text(plan.createdAt)
        (startedAt, endedAt) = (OrNull(progress.startedAt.map(Timestamp.text)), OrNull(progress.endedAt.map(Timestamp.text)))
        ranges = plan.ranges.enumerated().filter { !$0.element.isEmpty }
            .map { Range(partition: $0.offset, from: $0.element.lowerBound, to: $0.element.upperBound) }
        (total, passed) = (plan.total, progress.passed(plan))
        (read, matched) = (progress.readCount, progress.matchedCount)
        (written, missed) = (progress.writtenCount, progress.missedCount)
        events = progress.matched.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { Count(event: OrNull($0.key.string.isEmpty ? nil : $0.key.string), count: $0.value) }
        problem = OrNull(progress.problem)
    }
}

struct ReplayList: ResponseEncodable {
    let replays: [ReplayAnswer]
}

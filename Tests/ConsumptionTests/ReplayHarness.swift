import Consumption
import EventLog
import EventModel
import Foundation
import Synchronization
import TestSupport
import Testing

/// Replays from one log in memory into another, stopped and begun again as a test wants.
final class ReplayHarness: Sendable {
    /// Keeps what it is given, as files would that a crash leaves as they are.
    final class Store: ReplayStore {
        struct State {
            var kept: [String: Replay] = [:]
            /// Nothing is kept any more: the crash comes.
            var isFrozen = false
            /// How often a save is to fail.
            var failures = 0
            var saveCount = 0
            /// Whose saves wait until `released` is raised.
            var held: String?
        }

        let state = Mutex(State())
        let released = GrowthSignal()

        func load() async throws -> [Replay] { state.withLock { Array($0.kept.values) } }

        func save(_ replay: Replay) async throws {
            if state.withLock({ $0.held == replay.plan.id }) { await released.wait(beyond: 0) }
            try state.withLock { state in
                if state.failures > 0 || state.isFrozen {
                    state.failures = max(0, state.failures - 1)
                    throw ReplayImpossibleToKeep()
                }
                state.saveCount += 1
                state.kept[replay.plan.id] = replay
            }
        }

        func remove(_ id: String) async throws { state.withLock { state in if !state.isFrozen { state.kept[id] = nil } } }
    }

    struct ReplayImpossibleToKeep: Error {}

    let source: MemoryLog
    let copy: MemoryLog
    let store = Store()
    let problems = Mutex<[String]>([])

    init(partitionCount: Int = 3, copyPartitionCount: Int = 2) {
        source = MemoryLog(partitionCount: partitionCount)
        copy = MemoryLog(partitionCount: copyPartitionCount, name: "copy")
    }

    func queue(keepInterval: Duration = .seconds(1)) -> ReplayQueue {
        ReplayQueue(
            topic: source.topic, log: source, store: store,
            makeTarget: { [copy] target throws(ReplayImpossible) in
                guard let topic = TopicTarget.topic(of: target) else { throw ReplayImpossible("there is no target \(target)") }
                return TopicTarget(topic: topic, log: copy, now: { 1000 })
            }, keepInterval: keepInterval, now: { 7 },
            makeBackoff: { Backoff(first: .milliseconds(1), longest: .milliseconds(2)) },
            onProblem: { [self] _, problem in problems.withLock { $0.append(problem) } })
    }

    func plan(
        _ bounds: ReplayBounds = .init(start: .earliest, end: .latest), id: String = "r", createdAt: Int64 = 1,
        events: [String] = [], user: String? = nil,
        target: String = "topic:copy", eventsPerSecond: Int? = nil, isDry: Bool = false
    ) async throws -> ReplayPlan {
        ReplayPlan(
            id: id, createdAt: createdAt, source: source.topic.name,
            ranges: try await bounds.ranges(of: source.topic, in: source), events: events,
            user: user, target: target,
            eventsPerSecond: eventsPerSecond, isDry: isDry)
    }

    /// Runs `body` while the queue runs.
    func running(_ queue: ReplayQueue, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await queue.run() }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// Runs a plan to its end.
    func run(_ plan: ReplayPlan) async throws -> ReplayProgress {
        let queue = queue()
        try await queue.submit(plan)
        try await running(queue) { try await wait(queue, plan.id) { $0.state.hasEnded } }
        return try #require(queue.replay(plan.id)).progress
    }

    func wait(_ queue: ReplayQueue, _ id: String, _ condition: (ReplayProgress) -> Bool) async throws {
        let deadline = ContinuousClock.now + patience
        while true {
            if let replay = queue.replay(id), condition(replay.progress) { return }
            try #require(ContinuousClock.now < deadline, "\(queue.replay(id).map { "\($0.progress)" } ?? "nothing")")
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Appends so many records to the source, of users u0 to u9.
    func fill(_ count: Int, events: [String] = ["a", "b"], from first: Int = 0) {
        for start in stride(from: first, to: first + count, by: 100) {
            source.append(
                (start..<min(start + 100, first + count)).map { number in
                    let user = "u\(number % 10)"
                    return .init(
                        key: user, timestamp: Int64(number), value: "{\"n\":\(number),\"userId\":\"\(user)\"}",
                        event: events[number % events.count], messageID: "m\(number)")
                })
        }
    }

    /// The messageIds in the target.
    var copied: [String] { copy.records().map(\.messageID) }
}

package import EventLog
internal import Synchronization

/// A replay and how far it is.
package struct Replay: Sendable, Equatable {
    package let plan: ReplayPlan
    package var progress: ReplayProgress

    package init(plan: ReplayPlan, progress: ReplayProgress) {
        self.plan = plan
        self.progress = progress
    }
}

/// Where replays are kept, so that they outlast the process.
package protocol ReplayStore: Sendable {
    /// All that are kept.
    func load() async throws -> [Replay]
    /// Returns once it will be there after a crash.
    func save(_ replay: Replay) async throws
    func remove(_ id: String) async throws
}

/// The replays of a topic: some run, the others wait for their turn. Those that a restart has interrupted go on where they were.
package final class ReplayQueue: Sendable {
    /// That run at once.
    package static let runningMax = 2
    /// That wait for their turn.
    package static let waitingMax = 100
    /// That have ended and are kept to be asked for.
    package static let endedMax = 100

    package enum Refusal: Error {
        /// So many wait that no other can.
        case tooMany
    }

    private struct Entry {
        var replay: Replay
        /// As it was kept last.
        var kept: Replay
        var task: Task<Void, Never>?
        /// An administrator does not want it any more.
        var isUnwanted = false
        /// Of whoever ends it: the others wait for that one.
        var ending: Task<Replay, any Error>?

        init(_ replay: Replay) {
            self.replay = replay
            kept = replay
        }
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// That are being kept for the first time: none of them may begin before.
        var newCount = 0
        /// What is kept is among `entries`.
        var isLoaded = false
    }

    private let topic: TopicDefinition
    private let feed: LogFeed
    private let store: any ReplayStore
    private let executor: (any TaskExecutor)?
    private let makeTarget: @Sendable (String) throws(ReplayImpossible) -> any ReplayTarget
    private let keepInterval: Duration
    private let now: @Sendable () -> Int64
    private let makeBackoff: @Sendable () -> Backoff
    private let onProblem: @Sendable (_ id: String, _ problem: String) -> Void
    private let state = Mutex(State())
    /// Raised when something has changed that `run` or somebody who waits looks for.
    private let changes = GrowthSignal()

    /// - Parameters:
    ///   - topic: what is replayed.
    ///   - executor: on which they run; nil: wherever tasks do.
    ///   - makeTarget: of a plan's target.
    ///   - keepInterval: how far one is gets kept at least so often.
    ///   - now: milliseconds since 1970.
    ///   - onProblem: told why one does not get on, once until it does.
    package init(
        topic: TopicDefinition, log: any LogReader, store: any ReplayStore, executor: (any TaskExecutor)? = nil,
        makeTarget: @escaping @Sendable (String) throws(ReplayImpossible) -> any ReplayTarget,
        keepInterval: Duration = .seconds(1),
        now: @escaping @Sendable () -> Int64,
        makeBackoff: @escaping @Sendable () -> Backoff = { Backoff() },
        onProblem: @escaping @Sendable (_ id: String, _ problem: String) -> Void = { _, _ in }
    ) {
        self.topic = topic
        feed = LogFeed(log, keptBytesMax: 0, executor: executor)
        self.store = store
        self.executor = executor
        self.makeTarget = makeTarget
        self.keepInterval = keepInterval
        self.now = now
        self.makeBackoff = makeBackoff
        self.onProblem = onProblem
    }

    /// Takes up what is kept, where that was not done yet.
    package func load() async throws {
        if isLoaded { return }
        let kept = try await store.load()
        state.withLock { state in
            for var replay in kept where state.entries[replay.plan.id] == nil {
                if !replay.progress.state.hasEnded { replay.progress.state = .queued }
                state.entries[replay.plan.id] = Entry(replay)
            }
            state.isLoaded = true
        }
    }

    // MARK: For administrators

    /// False: which replays there are is not known yet.
    package var isLoaded: Bool { state.withLock { $0.isLoaded } }

    /// All that are known, the newest first.
    package var all: [Replay] {
        state.withLock { $0.entries.values.map(\.replay) }
            .sorted { ($0.plan.createdAt, $0.plan.id) > ($1.plan.createdAt, $1.plan.id) }
    }

    package func replay(_ id: String) -> Replay? { state.withLock { $0.entries[id]?.replay } }

    /// Takes a replay on, durably.
    package func submit(_ plan: ReplayPlan) async throws {
        let replay = Replay(plan: plan, progress: ReplayProgress(plan))
        let isRoom = state.withLock { state in
            let waiting = state.entries.values.count { $0.replay.progress.state == .queued }
            guard waiting + state.newCount < Self.waitingMax else { return false }
            state.newCount += 1
            return true
        }
        guard isRoom else { throw Refusal.tooMany }
        do {
            try await store.save(replay)
        } catch {
            try? await store.remove(plan.id)
            state.withLock { $0.newCount -= 1 }
            throw error
        }
        state.withLock { state in
            state.newCount -= 1
            state.entries[plan.id] = Entry(replay)
        }
        changes.raise()
    }

    /// Ends a replay that has not ended; what it has written stays. Returns when nothing more is written.
    ///
    /// - Returns: nil where there is none.
    package func cancel(_ id: String) async throws -> Replay? {
        let ending = state.withLock { state -> Task<Replay, any Error>? in
            guard let entry = state.entries[id], !entry.replay.progress.state.hasEnded else { return nil }
            if let ending = entry.ending { return ending }
            state.entries[id]?.isUnwanted = true
            let ending = Task { [self] in
                entry.task?.cancel()
                await entry.task?.value
                // Its end may have come first.
                if let replay = replay(id), replay.progress.state.hasEnded { return replay }
                return try await end(id, .cancelled, problem: nil)
            }
            state.entries[id]?.ending = ending
            return ending
        }
        guard let ending else { return replay(id) }
        // Where it could not be kept, the next one tries again.
        defer { state.withLock { $0.entries[id]?.ending = nil } }
        return try await ending.value
    }

    // MARK: Running

    /// Runs until the task is cancelled. Replays that are under way then go on the next time.
    package func run() async {
        var backoff = makeBackoff()
        while !Task.isCancelled {
            do {
                try await load()
                break
            } catch {
                onProblem("", "\(error)")
                try? await Task.sleep(for: backoff.next())
            }
        }
        while !Task.isCancelled {
            let seen = changes.count
            startNext()
            await changes.wait(beyond: seen)
        }
        let tasks = state.withLock { $0.entries.values.compactMap(\.task) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// Starts the oldest ones that wait, as many as may run.
    private func startNext() {
        state.withLock { state in
            let running = state.entries.values.count { $0.task != nil }
            let waiting = state.entries.values.filter { $0.task == nil && !$0.replay.progress.state.hasEnded && !$0.isUnwanted }
                .map(\.replay).sorted {
                    // Those that were begun before the restart first.
                    ($0.progress.startedAt ?? .max, $0.plan.createdAt, $0.plan.id) < (
                        $1.progress.startedAt ?? .max, $1.plan.createdAt, $1.plan.id
                    )
                }
            for replay in waiting.prefix(max(0, Self.runningMax - running)) {
                let id = replay.plan.id
                state.entries[id]?.task = Task(executorPreference: executor) { await self.work(id) }
            }
        }
    }

    private func work(_ id: String) async {
        defer {
            state.withLock { $0.entries[id]?.task = nil }
            changes.raise()
        }
        state.withLock { state in
            guard var replay = state.entries[id]?.replay else { return }
            replay.progress.state = .running
            replay.progress.startedAt = replay.progress.startedAt ?? now()
            state.entries[id]?.replay = replay
            state.entries[id]?.kept = replay
        }
        var backoff = makeBackoff()
        // How far it was when that was told of what went wrong.
        var toldAt: Int64?
        while !Task.isCancelled, let kept = state.withLock({ $0.entries[id]?.kept }) {
            do {
                do {
                    try await attempt(kept)
                    try await end(id, .done, problem: nil)
                } catch let error as ReplayImpossible {
                    try await end(id, .failed, problem: error.description)
                }
                return
            } catch is CancellationError {
                return
            } catch {
                let passed = replay(id).map { $0.progress.passed($0.plan) } ?? 0
                if passed > toldAt ?? -1 {
                    // It has got on since the last time.
                    backoff.reset()
                    onProblem(id, "\(error)")
                    toldAt = passed
                }
                // It goes on from what was kept last; what was written since is found.
                var shown = kept.progress
                shown.problem = "\(error)"
                show(shown, of: id)
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    private func attempt(_ replay: Replay) async throws {
        let plan = replay.plan
        guard plan.source == topic.name, plan.ranges.count == topic.partitionCount else {
            throw ReplayImpossible(
                "it is of the topic \(plan.source) with \(plan.ranges.count) partitions, and this service's events are in \(topic.name)"
            )
        }
        var run = ReplayRun(
            plan: plan, from: replay.progress, topic: topic.name, feed: feed,
            target: plan.isDry ? nil : try makeTarget(plan.target), keepInterval: keepInterval,
            show: { [self] in show($0, of: plan.id) }
        ) { [self] progress in
            let replay = Replay(plan: plan, progress: progress)
            try await store.save(replay)
            state.withLock { $0.entries[plan.id]?.kept = replay }
        }
        try await run.run()
    }

    private func show(_ progress: ReplayProgress, of id: String) { state.withLock { $0.entries[id]?.replay.progress = progress } }

    @discardableResult
    private func end(_ id: String, _ end: ReplayProgress.State, problem: String?) async throws -> Replay {
        guard var replay = replay(id) else { throw ReplayImpossible("there is no replay \(id) any more") }
        replay.progress.state = end
        replay.progress.problem = problem
        replay.progress.endedAt = now()
        try await store.save(replay)
        show(replay.progress, of: id)
        await forgetOldest()
        return replay
    }

    private func forgetOldest() async {
        let ended = all.filter(\.progress.state.hasEnded).sorted { ($0.progress.endedAt ?? 0) > ($1.progress.endedAt ?? 0) }
        for id in ended.dropFirst(Self.endedMax).map(\.plan.id) {
            guard (try? await store.remove(id)) != nil else { return }
            state.withLock { _ = $0.entries.removeValue(forKey: id) }
        }
    }
}

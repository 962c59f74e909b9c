internal import EventLog

/// Moves recovery points up, rolls aged segments, enforces retention and, after a start, mends caches, on a thread of its own. What must not run beside
/// a commit is handed to the commit loop; writing and syncing of caches happens here.
final class Maintenance: Sendable {
    private struct State {
        var isClosed = false
        var isCheckpointDue = false
        var isJournalFileDue = false
        /// Checkpoints that were begun, and of those the ones that are over, whatever came of them.
        var begunCount = 0
        var endedCount = 0
        /// As many are to be begun at least.
        var wantedCount = 0
        /// What is left to look through, the next one last.
        var closedSegments: [(log: PartitionLog, segment: Segment)]
    }

    private enum Work {
        case close, checkpoint, journalFile
        case mendCaches((log: PartitionLog, segment: Segment))
    }

    private let state: Monitor<State>
    private let core: LogCore
    private let options: LogOptions
    private let loop: CommitLoop
    private let now: @Sendable () -> Int64

    init(core: LogCore, options: LogOptions, loop: CommitLoop, now: @escaping @Sendable () -> Int64) {
        self.core = core
        self.options = options
        self.loop = loop
        self.now = now
        // What recovery has checked, no later start needs to check again: the points move up at once. Otherwise a service
        // that ends again and again before its first checkpoint would take longer each time to start.
        state = Monitor(
            State(isCheckpointDue: core.recovery.recoveredBytes > 0, closedSegments: core.closedSegments))
    }

    /// Called by the commit loop after each commit.
    func committed() {
        let (isCheckpointDue, isJournalFileDue) = (core.isCheckpointDue, core.wantsJournalFile())
        guard isCheckpointDue || isJournalFileDue else { return }
        state.withLock(wake: .all) { state in
            if isCheckpointDue { state.isCheckpointDue = true }
            if isJournalFileDue { state.isJournalFileDue = true }
        }
    }

    func run() {
        var lastCheckpoint = ContinuousClock.now
        var nextRetention = now() + options.retentionIntervalMilliseconds
        while true {
            let pause = min(options.checkpointIntervalMilliseconds, options.retentionIntervalMilliseconds)
            let work = state.wait(timeoutMilliseconds: pause) { state -> Work? in
                if state.isClosed { return .close }
                if state.isCheckpointDue || state.wantedCount > state.begunCount {
                    state.isCheckpointDue = false
                    return .checkpoint
                }
                if state.isJournalFileDue {
                    state.isJournalFileDue = false
                    return .journalFile
                }
                return state.closedSegments.popLast().map { .mendCaches($0) }
            }
            switch work {
            case .close: return
            case .journalFile, .mendCaches:
                if case .mendCaches(let closed) = work { core.mendCaches(closed) } else { core.prepareJournalFile() }
                // What is due by time must not wait anew for each of them.
                guard ContinuousClock.now - lastCheckpoint >= .milliseconds(pause) else { continue }
            case .checkpoint, nil: break
            }
            checkpoint()
            lastCheckpoint = .now
            let time = now()
            // A clock that was set back must not put retention off for as long as it was set back.
            if time >= nextRetention || nextRetention - time > options.retentionIntervalMilliseconds {
                loop.waitBetweenCommits { [core] in core.retain(now: time) }
                nextRetention = time + options.retentionIntervalMilliseconds
            }
        }
    }

    /// Moves recovery points as soon as it can be done, and waits until that was tried, no longer than `milliseconds`.
    func checkpointNow(atMost milliseconds: Int64) {
        let wanted = state.withLock(wake: .all) { state in
            // One that is running may have passed by what is waited for.
            state.wantedCount = state.begunCount + 1
            return state.wantedCount
        }
        _ = state.wait(timeoutMilliseconds: milliseconds) { $0.endedCount >= wanted || $0.isClosed ? true : nil }
    }

    func close() { state.withLock(wake: .all) { $0.isClosed = true } }

    private func checkpoint() {
        state.withLock { $0.begunCount += 1 }
        defer { state.withLock(wake: .all) { $0.endedCount += 1 } }
        var checkpoint = betweenCommits { [core] in core.beginCheckpoint() }
        while let next = betweenCommits({ [core, checkpoint] in core.prepareNextPartition(of: checkpoint) }) { checkpoint = next }
        // The commits in between have found due what was being done.
        state.withLock { $0.isCheckpointDue = false }
        core.finishCheckpoint(checkpoint) { body in betweenCommits(body) }
    }

    private func betweenCommits<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        // Where the commit loop has ended, nothing runs beside us.
        loop.waitBetweenCommits(body) ?? body()
    }
}

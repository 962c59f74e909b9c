internal import EventLog

/// Moves recovery points up, rolls aged segments and enforces retention, on a thread of its own. What must not run beside
/// a commit is handed to the commit loop; writing and syncing of caches happens here.
final class Maintenance: Sendable {
    private struct State {
        var isClosed = false
        var isCheckpointDue = false
        var points: RecoveryPoints
        /// Partitions whose caches could not be written: their recovery point stays until a restart makes them anew.
        var stuck: Set<TopicPartition> = []
    }

    private let state: Monitor<State>
    private let directory: LogDirectory
    private let partitions: [PartitionLog]
    private let options: LogOptions
    private let loop: CommitLoop
    private let now: @Sendable () -> Int64
    private let onWarning: @Sendable (String) -> Void

    init(
        directory: LogDirectory, partitions: [PartitionLog], options: LogOptions, loop: CommitLoop,
        recoveryPoints: RecoveryPoints, now: @escaping @Sendable () -> Int64,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        // Points that do not move in this run stay as they were.
        state = Monitor(State(points: recoveryPoints))
        self.directory = directory
        self.partitions = partitions
        self.options = options
        self.loop = loop
        self.now = now
        self.onWarning = onWarning
    }

    /// Called by the commit loop after each commit.
    func committed() {
        let unscanned = partitions.reduce(0) { $0 + $1.bytesSinceCheckpoint }
        if unscanned >= options.checkpointBytes { state.withLock(wake: .all) { $0.isCheckpointDue = true } }
    }

    func run() {
        var nextRetention = now() + options.retentionIntervalMilliseconds
        while true {
            let pause = min(options.checkpointIntervalMilliseconds, options.retentionIntervalMilliseconds)
            let isClosed = state.wait(timeoutMilliseconds: pause) { state -> Bool? in
                if state.isClosed { return true }
                guard state.isCheckpointDue else { return nil }
                state.isCheckpointDue = false
                return false
            }
            if isClosed == true { return }
            checkpoint()
            if now() >= nextRetention {
                retain()
                nextRetention = now() + options.retentionIntervalMilliseconds
            }
        }
    }

    func close() { state.withLock(wake: .all) { $0.isClosed = true } }

    /// After the commit loop has ended: everything is up to date then, and the next start scans nothing.
    func finalCheckpoint() { finish(prepare()) }

    private func checkpoint() {
        if let work = onCommitThread({ [self] in prepare() }) { finish(work) }
    }

    private func prepare() -> [CheckpointWork] {
        let stuck = state.withLock { $0.stuck }
        return partitions.compactMap { partition in
            guard partition.state.isWritable, !stuck.contains(partition.topicPartition) else {
                partition.skipCheckpoint()
                return nil
            }
            return partition.prepareCheckpoint()
        }
    }

    /// Caches first, then the points: a point is never ahead of what it promises.
    private func finish(_ works: [CheckpointWork]) {
        for work in works {
            do throws(FileError) {
                try work.syncLogWhereNeeded()
            } catch {
                poison(work.topicPartition, error)
                continue
            }
            do throws(FileError) {
                try work.writeCaches(directory.fileSystem)
                state.withLock { $0.points.offsets[work.topicPartition] = work.recoveryPoint }
            } catch {
                state.withLock { _ = $0.stuck.insert(work.topicPartition) }
                onWarning(
                    "the recovery point of \(work.topicPartition) stays where it is, the next start scans more: \(error)")
            }
        }
        let points = state.withLock { $0.points }
        do throws(FileError) {
            try directory.write(points)
        } catch {
            onWarning("recovery points not written, the next start scans more: \(error)")
        }
    }

    private func poison(_ topicPartition: TopicPartition, _ error: FileError) {
        onWarning("\(topicPartition): \(error)")
        guard let partition = partitions.first(where: { $0.topicPartition == topicPartition }) else { return }
        // Where the commit loop has ended, nothing runs beside us.
        if onCommitThread({ partition.poison(error) }) == nil { partition.poison(error) }
    }

    private func retain() {
        let time = now()
        let messages = onCommitThread { [partitions] in
            partitions.compactMap { partition -> String? in
                do throws(FileError) {
                    try partition.rollIfAged(now: time)
                } catch {
                    partition.poison(error)
                    return "\(partition.topicPartition): \(error)"
                }
                do throws(LogError) {
                    _ = try partition.enforceRetention(now: time)
                    return nil
                } catch {
                    return error.description
                }
            }
        }
        for message in messages ?? [] { onWarning(message) }
    }

    /// Runs `body` on the commit thread and waits; nil where that has ended.
    private func onCommitThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result? {
        let done = Monitor<Result?>(nil)
        guard
            loop.runBetweenCommits({
                let result = body()
                done.withLock(wake: .all) { $0 = result }
            })
        else { return nil }
        return done.wait { $0 }
    }
}

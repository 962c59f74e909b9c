internal import EventLog
internal import Synchronization

/// Moves recovery points up: caches first, then the points, so that a point is never ahead of what it promises.
final class Checkpointer: Sendable {
    private struct State {
        var points: RecoveryPoints
        /// Partitions whose caches could not be written: their recovery point stays until a restart makes them anew.
        var stuck: Set<TopicPartition>
        var partitions: [TopicPartition: PartitionLog]
    }

    private let state: Mutex<State>
    /// Held while files are written that may belong to a topic which is being deleted.
    private let writing = Mutex(())
    private let directory: LogDirectory
    private let onWarning: @Sendable (String) -> Void

    init(
        directory: LogDirectory, partitions: [PartitionLog], recoveryPoints: RecoveryPoints, stuck: Set<TopicPartition>,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        // Points that do not move in this run stay as they were.
        state = Mutex(State(points: recoveryPoints, stuck: stuck, partitions: [:]))
        self.directory = directory
        self.onWarning = onWarning
        add(partitions)
    }

    func add(_ partitions: [PartitionLog]) {
        state.withLock { state in
            for partition in partitions { state.partitions[partition.topicPartition] = partition }
        }
    }

    /// What is to be done for a partition; nil: nothing. To be called where nothing commits meanwhile.
    func prepare(_ partition: PartitionLog) -> CheckpointWork? {
        guard partition.state.isWritable else {
            partition.skipCheckpoint()
            return nil
        }
        let isStuck = state.withLock { $0.stuck.contains(partition.topicPartition) }
        return isStuck ? partition.prepareSync() : partition.prepareCheckpoint()
    }

    /// Syncs and writes what was prepared. May run beside commits. True: all of it is durable.
    ///
    /// - Parameters:
    ///   - journalSequence: where the journal may begin once all is synced; nil: as before.
    ///   - betweenCommits: runs a closure where nothing commits meanwhile, and returns when it has run.
    ///   - onFailedSync: called there with a partition whose log could not be synced: it must be poisoned.
    func finish(
        _ works: [CheckpointWork], journalSequence: () -> UInt64?, betweenCommits: (@escaping @Sendable () -> Void) -> Void,
        onFailedSync: @escaping @Sendable (PartitionLog, FileError) -> Void
    ) -> Bool {
        var areAllSynced = true
        for work in works {
            guard sync(work, betweenCommits, onFailedSync) else {
                areAllSynced = false
                continue
            }
            if work.movesPoint { writing.withLock { _ in writeCaches(of: work) } }
        }
        if areAllSynced, let sequence = journalSequence() { state.withLock { $0.points.journalSequence = sequence } }
        do throws(FileError) {
            try writing.withLock { _ throws(FileError) in try directory.write(state.withLock { $0.points }) }
            return areAllSynced
        } catch {
            onWarning("recovery points not written, the next start scans more: \(error)")
            return false
        }
    }

    private func writeCaches(of work: CheckpointWork) {
        // Its topic may have been deleted since, and another one of that name made.
        guard let partition = state.withLock({ $0.partitions[work.topicPartition] }), partition.isWriting(to: work.log) else {
            return
        }
        do throws(FileError) {
            try work.writeCaches(directory.fileSystem)
            if let snapshot = work.snapshot { partition.noteSnapshot(at: snapshot.snapshot.offset) }
            state.withLock { $0.points.offsets[work.topicPartition] = work.recoveryPoint }
        } catch {
            state.withLock { _ = $0.stuck.insert(work.topicPartition) }
            onWarning("the recovery point of \(work.topicPartition) stays where it is, the next start scans more: \(error)")
        }
    }

    /// Forgets the partitions of a topic, and calls `body`, which removes their files, while nothing writes to them.
    func remove(_ topic: TopicName, _ body: () throws(FileError) -> Void) throws(FileError) {
        try writing.withLock { _ throws(FileError) in
            let points = state.withLock { state in
                for partition in state.points.offsets.keys where partition.topic == topic {
                    state.points.offsets[partition] = nil
                }
                for partition in state.partitions.keys where partition.topic == topic { state.partitions[partition] = nil }
                state.stuck = state.stuck.filter { $0.topic != topic }
                return state.points
            }
            try directory.write(points)
            try body()
        }
    }

    /// Syncs the log, for appends did not wait for that. False: it failed, here or in a commit.
    private func sync(
        _ work: CheckpointWork, _ betweenCommits: (@escaping @Sendable () -> Void) -> Void,
        _ onFailedSync: @escaping @Sendable (PartitionLog, FileError) -> Void
    ) -> Bool {
        guard work.syncsLog, let partition = state.withLock({ $0.partitions[work.topicPartition] }) else {
            return true
        }
        do throws(FileError) {
            try partition.sync(work.log)
        } catch {
            onWarning("\(work.topicPartition): \(error)")
            betweenCommits { onFailedSync(partition, error) }
            return false
        }
        // A commit's own sync may have failed just before, and then this one found nothing left to do: only when no commit
        // runs is it known that none has failed.
        let isWritable = Mutex(false)
        betweenCommits { isWritable.withLock { $0 = partition.state.isWritable } }
        guard isWritable.withLock({ $0 }) else { return false }
        partition.noteSynced(to: work.recoveryPoint)
        return true
    }
}

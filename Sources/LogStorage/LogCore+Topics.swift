package import EventLog
internal import Synchronization

/// Topics that are made and deleted while the log runs. None of these may run beside another of them.
extension LogCore {
    /// Makes a topic that is missing, durably, and opens it. Blocks; may run beside commits.
    ///
    /// - Parameter betweenCommits: runs a closure where nothing commits meanwhile, and returns what it returned; nil where nothing commits
    ///   any more.
    /// - Throws: `invalidArgument` where it exists with another number of partitions, `lowSpace`, `overloaded`, `closing` or `io` where it cannot be made
    ///   now. What was written until then is found again by the next attempt, or the next start.
    package func make(
        _ topic: TopicDefinition, betweenCommits: (@escaping @Sendable () -> LogError?) -> LogError?? = { .some($0()) }
    ) throws(LogError) {
        if let existing = table.withLock({ $0 }).definition(of: topic.name) {
            return try Self.refuseAnotherShape(of: existing, than: topic)
        }
        if let shortage { throw shortage }
        if meta.withLock({ $0 }).deleting[topic.name] != nil { try finishDeletion(of: topic.name) }
        // In the order of a start, for the same reasons.
        let meta = try Self.prepareMeta(directory, [topic], open: meta.withLock { $0 })
        self.meta.withLock { $0 = meta }
        let made = try Self.recover(
            directory, LogMeta(identityKey: meta.identityKey, topics: [topic]), RecoveryPoints(), [:], [:], options, growth,
            { count, body in for number in 0..<count { body(number) } }, { _, _, _ in },
            onDamage: { [weak self] in self?.warn(of: $1, in: $0) }
        ).map(\.log)
        let journalTopic = meta.journalTopic(topic)
        if let error = betweenCommits({ [self] in add(topic, journalTopic, made) }) ?? LogError(.closing, "the log is closing") {
            for partition in made { for segment in partition.segments { segment.log.close() } }
            throw error
        }
    }

    private func add(_ topic: TopicDefinition, _ journalTopic: JournalFormat.Topic, _ made: [PartitionLog]) -> LogError? {
        do throws(FileError) {
            try journal.add(journalTopic)
        } catch {
            // The journal itself refuses, for the time being, where the system gave no number.
            let code: LogError.Code = error.isNoRoom ? .lowSpace : error.number == 0 ? .overloaded : .io
            return LogError(code, "the topic \(topic.name) cannot be made: \(error)")
        }
        checkpointer.add(made)
        table.withLock { $0 = $0.adding(topic, made) }
        return nil
    }

    // MARK: Deleting

    /// Deletes a topic with all of its records: when this returns, it is gone, after a power cut too. Blocks; may run beside commits. After a
    /// failure it may be gone, or still be there.
    ///
    /// - Throws: `unknownTopic`, `closing` or `io`.
    package func delete(
        _ name: TopicName, betweenCommits: (@escaping @Sendable () -> Void) -> Void? = { .some($0()) }
    ) throws(LogError) {
        guard let topic = table.withLock({ $0 }).definition(of: name) else {
            throw LogError(.unknownTopic, "there is no topic \(name)")
        }
        let before = meta.withLock { $0 }
        var meta = before
        meta.delete(topic)
        do throws(LogError) {
            try directory.write(meta)
        } catch {
            // Where the file was replaced and that may not be durable, nobody knows whether it is deleted: it must take no records then.
            if (try? directory.meta()) != before, (try? directory.write(before)) == nil {
                self.meta.withLock { [meta] in $0 = meta }
                _ = remove(name, betweenCommits)
            }
            throw error
        }
        self.meta.withLock { [meta] in $0 = meta }
        guard remove(name, betweenCommits) else { throw LogError(.closing, "the log is closing") }
        try finishDeletion(of: name)
    }

    /// Forgets a topic: false where nothing commits any more.
    private func remove(_ name: TopicName, _ betweenCommits: (@escaping @Sendable () -> Void) -> Void?) -> Bool {
        let gone = PartitionLog.gone(TopicPartition(name, PartitionID(0)), options: options, growth: growth)
        guard betweenCommits({ [self] in table.withLock { $0 = $0.removing(name, gone) } }) != nil else { return false }
        // Whoever waits for it to grow.
        growth.forget(name)
        return true
    }

    /// Removes what is left of a topic that is deleted.
    private func finishDeletion(of name: TopicName) throws(LogError) {
        var meta = meta.withLock { $0 }
        do throws(FileError) {
            try checkpointer.remove(name) { () throws(FileError) in
                try Self.removeFiles(
                    of: name, partitionCount: meta.deleting[name] ?? 0, directory,
                    startOffsets: startOffsets.withLock {
                        $0 = $0.filter { $0.key.topic != name }
                        return $0
                    })
            }
        } catch {
            throw LogError(.io, "the topic \(name) is deleted, but its files are not yet: \(error.refusal)")
        }
        meta.deleting[name] = nil
        try directory.write(meta)
        self.meta.withLock { [meta] in $0 = meta }
    }

    private static func removeFiles(
        of name: TopicName, partitionCount: Int, _ directory: LogDirectory, startOffsets: [TopicPartition: Int64]
    ) throws(FileError) {
        try directory.write(startOffsets: startOffsets)
        try directory.removeFolders(of: name, partitionCount: partitionCount)
    }

    /// The same for all that a run before has not finished.
    static func finishDeletions(_ directory: LogDirectory, _ meta: inout LogMeta) throws(LogError) {
        if meta.deleting.isEmpty { return }
        var points = try directory.recoveryPoints()
        points.offsets = points.offsets.filter { meta.deleting[$0.key.topic] == nil }
        let startOffsets = try directory.startOffsets().filter { meta.deleting[$0.key.topic] == nil }
        do throws(FileError) {
            try directory.write(points)
            for (name, count) in meta.deleting.sorted(by: { $0.key < $1.key }) {
                try removeFiles(of: name, partitionCount: count, directory, startOffsets: startOffsets)
            }
        } catch {
            throw LogError(.io, "topics that are deleted could not be removed: \(error.refusal)")
        }
        meta.deleting = [:]
        try directory.write(meta)
    }

    /// Once all is there that can be: where a partition's end is lost, what comes next is not deleted.
    func settleStarts() throws(LogError) {
        let lowered = partitions.filter { $0.settleStart() && $0.state.isWritable }
        if lowered.isEmpty { return }
        let offsets = startOffsets.withLock { offsets in
            for partition in lowered { offsets[partition.topicPartition] = partition.bounds.start.value }
            return offsets
        }
        do throws(FileError) {
            try directory.write(startOffsets: offsets)
        } catch {
            throw LogError(.io, error.refusal)
        }
    }

    /// Deletes the records of a partition before `offset`: nobody reads them any more, after a power cut neither. Their segments go as soon as they
    /// hold nothing else. Returns the first offset that is left. Blocks; may run beside commits.
    ///
    /// - Throws: `unknownTopic`; `offsetOutOfRange` where the partition does not reach so far; `closing` or `io`.
    package func deleteRecords(
        of partition: TopicPartition, before offset: Int64,
        betweenCommits: (@escaping @Sendable () -> LogError?) -> LogError?? = { .some($0()) }
    ) throws(LogError) -> Int64 {
        let log = try log(of: partition)
        let bounds = log.bounds
        guard (0...bounds.highWatermark.value).contains(offset) else {
            throw LogError(
                .offsetOutOfRange, "\(partition) holds offsets up to \(bounds.highWatermark), not \(offset)", partition: partition
            )
        }
        guard offset > bounds.start.value else { return bounds.start.value }
        let offsets = startOffsets.withLock { offsets in
            offsets[partition] = offset
            return offsets
        }
        do throws(FileError) {
            try directory.write(startOffsets: offsets)
        } catch {
            throw LogError(
                .io, "the records of \(partition) before \(offset) cannot be deleted: \(error.refusal)", partition: partition)
        }
        let failure = betweenCommits { [self] in
            flushAll(log)
            do throws(LogError) {
                try log.deleteRecords(before: offset)
                return nil
            } catch {
                return error
            }
        }
        guard let failure else { throw LogError(.closing, "the log is closing", partition: partition) }
        if let failure { throw failure }
        return log.bounds.start.value
    }
}

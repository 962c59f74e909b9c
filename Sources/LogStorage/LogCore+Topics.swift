package import EventLog
internal import Synchronization

/// Topics that are made while the log runs.
extension LogCore {
    /// Makes a topic that is missing, durably, and opens it. Blocks; may run beside commits, but not beside itself.
    ///
    /// - Parameter betweenCommits: runs a closure where nothing commits meanwhile, and returns what it returned; nil where nothing commits
    ///   any more.
    /// - Throws: `invalidArgument` where it exists with another number of partitions, `lowSpace`, `overloaded`, `closing` or `io` where it cannot be made
    ///   now. What was written until then is found again by the next attempt, or the next start.
    package func make(
        _ topic: TopicDefinition, betweenCommits: (@escaping @Sendable () -> LogError?) -> LogError?? = { .some($0()) }
    ) throws(LogError) {
        if let existing = topics.first(where: { $0.name == topic.name }) {
            return try Self.refuseAnotherShape(of: existing, than: topic)
        }
        if let shortage { throw shortage }
        // In the order of a start, for the same reasons.
        let meta = try Self.prepareMeta(directory, [topic], open: LogMeta(identityKey: identityHasher.key, topics: topics))
        let made = try Self.recover(
            directory, LogMeta(identityKey: meta.identityKey, topics: [topic]), RecoveryPoints(), [:], options, growth,
            { count, body in for number in 0..<count { body(number) } }, { _, _, _ in },
            onDamage: { [weak self] in self?.warn(of: $1, in: $0) }
        ).map(\.log)
        if let error = betweenCommits({ [self] in add(topic, made) }) ?? LogError(.closing, "the log is closing") {
            for partition in made { for segment in partition.segments { segment.log.close() } }
            throw error
        }
    }

    private func add(_ topic: TopicDefinition, _ made: [PartitionLog]) -> LogError? {
        do throws(FileError) {
            try journal.add(topic)
        } catch {
            // The journal itself refuses, for the time being, where the system gave no number.
            let code: LogError.Code = error.isNoRoom ? .lowSpace : error.number == 0 ? .overloaded : .io
            return LogError(code, "the topic \(topic.name) cannot be made: \(error)")
        }
        checkpointer.add(made)
        table.withLock { $0 = $0.adding(topic, made) }
        return nil
    }
}

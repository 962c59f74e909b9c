internal import EventLog

extension LogCore {
    /// Reads `meta.properties` and adds the topics that are new; refuses a topic that exists with another shape.
    static func prepareMeta(
        _ directory: LogDirectory, _ wanted: [TopicDefinition], open: LogMeta? = nil
    ) throws(LogError) -> LogMeta {
        let stored = try directory.meta()
        var meta: LogMeta
        if let known = stored ?? open { meta = known } else { meta = try newMeta(directory, wanted) }
        if let open, open.identityKey != meta.identityKey {
            throw LogError(
                .damaged,
                "the log's meta.properties was replaced while the log is open: its key is another one; restart the service")
        }
        for topic in wanted {
            guard let place = meta.topics.firstIndex(where: { $0.name == topic.name }) else {
                meta.add(topic)
                continue
            }
            let existing = meta.topics[place]
            guard existing.keepsIdentities || !topic.keepsIdentities,
                existing.wholeBatches != .created || topic.wholeBatches == .created
            else {
                throw LogError(
                    .invalidArgument,
                    "topic \(topic.name) was made while the log ran, not for events, and keeps nothing by which a repeated one could be known after a "
                        + "restart: set Kafka.Topic to another name")
            }
            // From then on such batches may be there.
            if existing.wholeBatches == nil, topic.wholeBatches != nil { meta.topics[place] = topic }
            guard existing.partitionCount == topic.partitionCount else {
                let error = anotherShape(existing, topic)
                throw LogError(
                    error.code,
                    "\(error.message): set Kafka.Partitions to \(existing.partitionCount), or begin with an empty data directory")
            }
        }
        // No folder may be there without it, after a power cut too: what it says would follow from too few of them. A start before this
        // one may have written it and failed to make its name durable.
        if meta != stored { try directory.write(meta) } else { try directory.sync() }
        return meta
    }

    private static func anotherShape(_ existing: TopicDefinition, _ wanted: TopicDefinition) -> LogError {
        LogError(
            .invalidArgument,
            "topic \(existing.name) was made with \(existing.partitionCount) partitions, not \(wanted.partitionCount); a key's "
                + "partition depends on the number, so it stays")
    }

    static func refuseAnotherShape(of existing: TopicDefinition, than wanted: TopicDefinition) throws(LogError) {
        if existing.partitionCount != wanted.partitionCount { throw anotherShape(existing, wanted) }
    }

    /// That of a new log; and where only the file was lost, what the folders tell of it. The key may be another one, for what was
    /// hashed with it are caches.
    private static func newMeta(_ directory: LogDirectory, _ wanted: [TopicDefinition]) throws(LogError) -> LogMeta {
        var random = SystemRandomNumberGenerator()
        var topics: [TopicDefinition] = []
        for (name, partitionCount) in try directory.topicsInFolders() {
            let topic = wanted.first { $0.name == name }
            // What may have come whole must not be taken for damage.
            let hasProducers = try directory.hasProducers(name, partitionCount: partitionCount)
            topics.append(
                TopicDefinition(
                    name: name, partitionCount: partitionCount, keepsIdentities: topic?.keepsIdentities ?? false,
                    wholeBatches: topic == nil ? .created : topic?.wholeBatches ?? (hasProducers ? .appended : nil)))
        }
        return LogMeta(identityKey: SipHash128.Key(k0: random.next(), k1: random.next()), topics: topics)
    }

    /// Recovers all partitions, several at a time.
    static func recover(
        _ directory: LogDirectory, _ meta: LogMeta, _ points: RecoveryPoints, _ startOffsets: [TopicPartition: Int64],
        _ journaled: [TopicPartition: Range<Int64>],
        _ options: LogOptions, _ growth: LogGrowth, _ concurrently: Concurrently, _ onProgress: @escaping Progress,
        onDamage: @escaping @Sendable (TopicPartition, KnownDamage.Item) -> Void
    ) throws(LogError) -> [(log: PartitionLog, report: RecoveryReport)] {
        let hasher = RecordIdentityHasher(key: meta.identityKey)
        let all = meta.topics.flatMap { topic in
            (0..<topic.partitionCount).map { (TopicPartition(topic.name, PartitionID($0)), topic) }
        }
        struct Progressing {
            var done = 0
            var bytes = 0
            var logs: [Int: (PartitionLog, RecoveryReport)] = [:]
            var failure: LogError?
        }
        let state = Monitor(Progressing())
        let report = { @Sendable (change: (inout Progressing) -> Void) in
            let (done, bytes) = state.withLock { state in
                change(&state)
                return (state.done, state.bytes)
            }
            onProgress(done, all.count, bytes)
        }
        report { _ in }
        concurrently(all.count) { number in
            let (partition, topic) = all[number]
            do throws(LogError) {
                let path = directory.directory(of: partition)
                let recovered = try PartitionRecovery(
                    topicPartition: partition, directory: path, fileSystem: directory.fileSystem,
                    hasher: topic.keepsIdentities ? hasher : nil, wholeBatches: topic.wholeBatches,
                    journaled: journaled[partition] ?? 0..<0,
                    onProgress: { byteCount in report { $0.bytes += byteCount } }
                ).recover(from: points.offsets[partition] ?? 0)
                let log = PartitionLog(
                    topicPartition: partition, directory: path, fileSystem: directory.fileSystem, options: options,
                    hasher: topic.keepsIdentities ? hasher : nil, wholeBatches: topic.wholeBatches,
                    startOffset: startOffsets[partition] ?? 0, recovered: recovered, growth: growth,
                    onDamage: { onDamage(partition, $0) })
                report { state in
                    state.done += 1
                    state.logs[number] = (log, recovered.report)
                }
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
        let (logs, failure) = state.withLock { ($0.logs, $0.failure) }
        if let failure { throw failure }
        // New partitions' folders must be there after a power cut, before anything in them is acknowledged.
        try directory.sync()
        return all.indices.map { logs[$0]! }
    }

    // MARK: The journal

    static func journalFiles(_ directory: LogDirectory, from sequence: UInt64, _ meta: LogMeta) throws(LogError) -> JournalFiles {
        do throws(FileError) {
            let found = try JournalFiles(
                path: directory.journalPath, fileSystem: directory.fileSystem, access: .update, from: sequence,
                meta: meta)
            for path in found.headless { try directory.fileSystem.rename(path, to: path + ".damaged") }
            return found
        } catch {
            throw unreadable(error, directory)
        }
    }

    /// Acknowledged records may be there and nowhere else, so nothing goes on without it.
    private static func unreadable(_ error: FileError, _ directory: LogDirectory) -> LogError {
        LogError(
            .io,
            "\(error.description): the journal holds the newest records; mend the disk, or lose what only it has by moving "
                + "\(directory.journalPath) away")
    }

    /// Writes the journal again and syncs it: what the segments have no room for is nowhere else, and after a SIGKILL it may be in the
    /// page cache only. Where that fails, it is not served.
    private func makeDurable(_ journaled: JournalFiles) {
        do throws(FileError) {
            for found in journaled.files {
                try found.file.forEachPiece(of: 0..<found.byteCount) { bytes, position throws(FileError) in
                    try found.file.writeAll(bytes, at: position)
                    return true
                }
                try found.file.sync()
            }
        } catch {
            for partition in partitions where partition.hasPending { partition.takeBackPending(error) }
        }
    }

    /// Puts what only the journal has into the segments, makes that durable, and takes the files over.
    func replay(_ journaled: JournalFiles, _ directory: LogDirectory, _ journal: Journal) throws(LogError) {
        guard !journaled.files.isEmpty else { return }
        let result: JournalReplay.Result
        do throws(FileError) {
            result = try JournalReplay(files: journaled, logs: partitions).run()
        } catch {
            throw Self.unreadable(error, directory)
        }
        if partitions.contains(where: \.hasPending) { makeDurable(journaled) }
        let files = journaled.files.map(\.file)
        if !result.isComplete { journal.keep(files) }
        // After a SIGKILL, entries may have been in the page cache only: what is served is durable first.
        let isDurable = finishCheckpoint(prepareCheckpoint())
        guard result.isComplete else { return }
        if isDurable { journal.reuse(files) } else { journal.keep(files) }
    }
}

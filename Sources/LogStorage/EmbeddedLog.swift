package import EventLog
internal import Glibc
internal import RecordFormat
internal import Synchronization

/// The embedded engine: many topics, each with a fixed number of partitions, in Kafka's own files.
///
/// Owns: the engine's core, the commit thread, the maintenance thread and the worker threads.
/// Opened by `open`, which recovers; closed by `close`, after which nothing is lost and nothing needs to be scanned.
package final class EmbeddedLog: LogWriter, BatchWriter, LogReader, TopicMaker, IdentitySource {
    private let core: LogCore
    private let workers: WorkerPool
    private let loop: CommitLoop
    private let maintenance: Maintenance
    private let threads: Mutex<[OSThread]>
    /// A thread on which topics are made, one after the other.
    private let makers = WorkerPool(threadCount: 1)
    /// So long, in milliseconds, it is waited for room in the journal.
    private static let checkpointMax: Int64 = 5000
    private let readCount = Atomic<Int>(0)

    /// Opens the core (see `LogCore.open`, also for the errors) and starts the threads.
    ///
    /// - Parameters:
    ///   - now: milliseconds since 1970, for what goes because of its age.
    package static func open(
        _ directory: LogDirectory, topics wanted: [TopicDefinition], options: LogOptions,
        now: @escaping @Sendable () -> Int64 = ServiceClock.wall,
        onProgress: @escaping LogCore.Progress = { _, _, _ in },
        onWarning: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(LogError) -> EmbeddedLog {
        let workers = WorkerPool(threadCount: options.workerThreads)
        do throws(LogError) {
            let core = try LogCore.open(
                directory, topics: wanted, options: options, processID: getpid(), concurrently: workers.concurrently,
                onProgress: onProgress, onWarning: onWarning)
            return EmbeddedLog(core: core, options: options, workers: workers, now: now)
        } catch {
            workers.close()
            throw error
        }
    }

    private init(
        core: LogCore, options: LogOptions, workers: WorkerPool, now: @escaping @Sendable () -> Int64
    ) {
        self.core = core
        self.workers = workers
        let loop = CommitLoop(bytesMax: options.queueBytesMax)
        let maintenance = Maintenance(core: core, options: options, loop: loop, now: now)
        self.loop = loop
        self.maintenance = maintenance
        threads = Mutex([
            OSThread {
                loop.run {
                    core.commit($0, now: ServiceClock.uptime())
                } afterwards: {
                    maintenance.committed()
                    let now = ServiceClock.uptime()
                    return core.flush(now: now).map { max(0, $0 - now) }
                }
            },
            OSThread { maintenance.run() },
        ])
    }

    package var topics: [TopicDefinition] { core.topics }
    package var options: LogOptions { core.options }
    package var identityHasher: RecordIdentityHasher { core.identityHasher }
    package var recovery: RecoverySummary { core.recovery }

    // MARK: Writing

    package func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? { core.topic(named: name) }

    package func definition(of topic: TopicName) -> TopicDefinition? { core.definition(of: topic) }

    package func append(_ group: RecordGroup, onReceipt: @escaping @Sendable (AppendReceipt) -> Void) {
        if group.entries.isEmpty { return onReceipt(AppendReceipt(offsets: [])) }
        submit(.records(core.prepare(group))) { receipt in if case .records(let receipt) = receipt { onReceipt(receipt) } }
    }

    package func append(_ group: BatchGroup, onReceipt: @escaping @Sendable ([BatchReceipt]) -> Void) {
        if group.entries.isEmpty { return onReceipt([]) }
        submit(.batches(group)) { receipt in if case .batches(let receipts) = receipt { onReceipt(receipts) } }
    }

    private func submit(_ append: PreparedAppend, _ onReceipt: @escaping @Sendable (CommitReceipt) -> Void) {
        if let refusal = loop.submit(PendingAppend(append: append, onReceipt: onReceipt)) { onReceipt(append.refused(refusal)) }
    }

    package func make(_ topic: TopicDefinition) async throws(LogError) {
        try await onThread(of: makers) { [self] () throws(LogError) in
            func makeNow() throws(LogError) {
                try core.make(topic) { [loop] body in loop.waitBetweenCommits(body) }
            }
            do throws(LogError) { try makeNow() } catch {
                guard error.code == .overloaded else { throw error }
                // The journal waits for recovery points.
                maintenance.checkpointNow(atMost: Self.checkpointMax)
                try makeNow()
            }
        }
    }

    /// Deletes a topic (see `LogCore.delete`).
    package func delete(_ topic: TopicName) async throws(LogError) {
        try await onThread(of: makers) { [self] () throws(LogError) in
            try core.delete(topic) { [loop] body in loop.waitBetweenCommits(body) }
        }
    }

    /// Deletes a partition's first records (see `LogCore.deleteRecords`).
    package func deleteRecords(of partition: TopicPartition, before offset: Int64) async throws(LogError) -> Int64 {
        try await onThread(of: makers) { [self] () throws(LogError) in
            try core.deleteRecords(of: partition, before: offset) { [loop] body in loop.waitBetweenCommits(body) }
        }
    }

    // MARK: Reading

    package func bounds(of partition: TopicPartition) throws(LogError) -> OffsetBounds {
        try log(of: partition).bounds
    }

    package func growth(of topic: TopicName) -> GrowthSignal { core.growth.of(topic) }

    /// Raised when records of any topic have come to rest.
    package var growth: GrowthSignal { core.growth.ofAny }

    package func settle(_ partition: TopicPartition) async throws(LogError) {
        let log = try log(of: partition)
        if log.isPending() { try await onThread(of: workers) { [self] () throws(LogError) in try flush(log) } }
    }

    package func read(
        _ partition: TopicPartition, from offset: Offset, maximumBytes: Int
    ) async throws(LogError) -> [UInt8] {
        try await onThread(of: workers) { [self] () throws(LogError) in
            let batches = try readNow(partition, from: offset, maximumBytes: maximumBytes)
            noteRead(batches.withUnsafeBytes { Self.recordCount($0, from: offset) })
            return batches
        }
    }

    /// Records that readers have got: from `read`, and those of `noteRead`.
    package var readRecordCount: Int { readCount.load(ordering: .relaxed) }

    package func noteRead(_ recordCount: Int) { readCount.wrappingAdd(recordCount, ordering: .relaxed) }

    package static func recordCount(_ batches: UnsafeRawBufferPointer, from offset: Offset) -> Int {
        var (count, place) = (0, 0)
        while place < batches.count,
            let header = try? RecordBatchHeader(reading: UnsafeRawBufferPointer(rebasing: batches[place...]))
        {
            if !header.isControlBatch { count += Int(header.nextOffset - max(header.baseOffset, offset.value)) }
            place += header.totalBytes
        }
        return count
    }

    /// `read`, for a thread that may wait.
    package func readNow(_ partition: TopicPartition, from offset: Offset, maximumBytes: Int) throws(LogError) -> [UInt8] {
        var batches: [UInt8] = []
        try readNow(partition, from: offset, maximumBytes: maximumBytes, into: &batches)
        return batches
    }

    /// The same, appended to what a reader has.
    package func readNow<Space: BatchSpace>(
        _ partition: TopicPartition, from offset: Offset, maximumBytes: Int, into space: inout Space
    ) throws(LogError) {
        let log = try log(of: partition)
        // A commit may come meanwhile: what is behind the end of now is not asked for.
        if offset == log.bounds.highWatermark { return }
        if log.isPending(offset) { try flush(log) }
        try log.read(from: offset, maximumBytes: maximumBytes, into: &space)
    }

    package func offset(_ partition: TopicPartition, atOrAfter timestamp: Int64) async throws(LogError) -> Offset? {
        let log = try log(of: partition)
        return try await onThread(of: workers) { [self] () throws(LogError) in
            let end = log.bounds.highWatermark
            if log.isPending() { try flush(log) }
            let found = try log.offset(atOrAfter: timestamp)
            // It may be one of those that could not be written.
            if found == nil, log.isPending(Offset(end.value - 1)) { throw LogError(.io, log.pendingReason, partition: partition) }
            return found
        }
    }

    /// The greatest timestamp of a partition's records; nil where it has none.
    package func newestTimestamp(of partition: TopicPartition) async throws(LogError) -> Int64? {
        let log = try log(of: partition)
        return try await onThread(of: workers) { [self] () throws(LogError) in
            if log.isPending() { try flush(log) }
            return try log.newestTimestamp()
        }
    }

    package func identities(of partition: TopicPartition, since: UInt32) throws(LogError) -> any IdentityReader {
        let log = try log(of: partition)
        if log.isPending() { try flush(log) }
        // To a partition that takes no records nothing is appended twice, whatever is known of it.
        return log.identities(since: since, skipsUnreadable: !log.state.isWritable)
    }

    /// Which of `wanted` the records of a topic have, of the time since (in seconds since 1970).
    package func identities(
        among wanted: Set<RecordIdentity>, in topic: TopicName, since: UInt32
    ) async throws(LogError) -> Set<RecordIdentity> {
        let count = self.topic(named: topic)?.partitionCount ?? 0
        return try await onThread(of: workers) { [self] () throws(LogError) in
            var found: Set<RecordIdentity> = []
            for number in 0..<count {
                let reader = try identities(of: TopicPartition(topic, PartitionID(number)), since: since)
                while let piece = try reader.previous() {
                    for stored in piece where wanted.contains(stored.identity) { found.insert(stored.identity) }
                }
            }
            return found
        }
    }

    /// Runs `body` for each number below `count` on the threads for reads, and returns when all are done.
    package func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) { workers.concurrently(count, body) }

    package func log(of partition: TopicPartition) throws(LogError) -> PartitionLog { try core.log(of: partition) }

    /// Brings what is acknowledged into the segments, for somebody who wants to read it. Blocks.
    package func flush(_ partition: PartitionLog) throws(LogError) {
        if loop.waitBetweenCommits({ [core] in core.flushAll(partition) }) == nil {
            throw LogError(.closing, "the log is closing", partition: partition.topicPartition)
        }
    }

    // MARK: Status

    /// Every partition that is not simply open and whole.
    package var troubles: [PartitionStatus] { core.troubles }
    package var statuses: [PartitionStatus] { core.statuses }
    package var sizes: [PartitionSize] { core.partitions.map(PartitionSize.init) }
    /// Appends that wait for their commit, and the bytes of these and of the one that is running.
    package var queueDepth: (appends: Int, bytes: Int) { loop.depth }
    package var commitMeters: CommitMeters { loop.meters }
    /// Why nothing is written at the moment although the partitions could.
    package var shortage: LogError? { core.shortage }
    /// Room on the log's disk, in bytes; nil where the system does not say.
    package var freeBytes: Int? { core.freeBytes }

    private func onThread<Success: Sendable>(
        of pool: WorkerPool, _ body: @escaping @Sendable () throws(LogError) -> Success
    ) async throws(LogError) -> Success {
        let result = await pool.run { () -> Result<Success, LogError> in
            do throws(LogError) { return .success(try body()) } catch { return .failure(error) }
        }
        guard let result else { throw LogError(.closing, "the log is closing") }
        return try result.get()
    }

    // MARK: Closing

    /// Commits what is queued, brings every cache and recovery point up to date, and gives the directory free. Blocks.
    package func close() {
        let toJoin = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        guard !toJoin.isEmpty else { return }
        maintenance.close()
        toJoin[1].join()
        loop.close()
        toJoin[0].join()
        // Readers first: nobody may hold a descriptor that is closed and given to another file.
        workers.close()
        makers.close()
        core.close()
    }
}

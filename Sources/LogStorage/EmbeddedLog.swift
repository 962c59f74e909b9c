package import EventLog
internal import Glibc
internal import Synchronization

/// The embedded engine: many topics, each with a fixed number of partitions, in Kafka's own files.
///
/// Owns: the log directory (locked), every partition, the commit thread, the maintenance thread and the worker threads.
/// Opened by `open`, which recovers; closed by `close`, after which nothing is lost and nothing needs to be scanned.
package final class EmbeddedLog: LogWriter, LogReader, IdentitySource {
    package let topics: [TopicDefinition]
    package let identityHasher: RecordIdentityHasher
    package let recovery: RecoverySummary

    private let handles: [TopicName: (handle: TopicHandle, partitionCount: Int)]
    private let partitions: [PartitionLog]
    private let firstPartition: [Int]
    private let options: LogOptions
    private let workers: WorkerPool
    private let loop: CommitLoop
    private let maintenance: Maintenance
    private let lock: any FileLock
    private let threads: Mutex<[OSThread]>

    /// Told what goes on while the log opens, for a health endpoint.
    package typealias Progress = @Sendable (_ partitionsDone: Int, _ partitions: Int, _ bytesScanned: Int) -> Void

    /// Locks the directory, makes the topics that are missing, recovers every partition, and starts the threads.
    ///
    /// - Parameter now: milliseconds since 1970.
    /// - Throws: `locked` where another process holds the directory, `invalidArgument` where a topic exists with another
    ///   number of partitions, `damaged` or `io` where recovery could not go on. Nothing is changed then that a later
    ///   start could need.
    package static func open(
        _ directory: LogDirectory, topics wanted: [TopicDefinition], options: LogOptions,
        now: @escaping @Sendable () -> Int64 = EmbeddedLog.systemMilliseconds,
        onProgress: @escaping Progress = { _, _, _ in },
        onWarning: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(LogError) -> EmbeddedLog {
        let lock = try directory.lock(processID: getpid())
        do throws(LogError) {
            let meta = try Self.prepareMeta(directory, wanted)
            let workers = WorkerPool(threadCount: options.workerThreads)
            do throws(LogError) {
                let points = try directory.recoveryPoints()
                let recovered = try Self.recover(directory, meta, points, options, workers, onProgress)
                return EmbeddedLog(
                    directory: directory, meta: meta, options: options, lock: lock, workers: workers,
                    recovered: recovered, recoveryPoints: points, now: now, onWarning: onWarning)
            } catch {
                workers.close()
                throw error
            }
        } catch {
            lock.release()
            throw error
        }
    }

    package static let systemMilliseconds: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private init(
        directory: LogDirectory, meta: LogMeta, options: LogOptions, lock: any FileLock, workers: WorkerPool,
        recovered: [(log: PartitionLog, report: RecoveryReport)], recoveryPoints: RecoveryPoints,
        now: @escaping @Sendable () -> Int64,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        topics = meta.topics
        identityHasher = RecordIdentityHasher(key: meta.identityKey)
        recovery = RecoverySummary(recovered.map { ($0.log.topicPartition, $0.report) })
        self.options = options
        self.lock = lock
        self.workers = workers
        partitions = recovered.map(\.log)
        var first: [Int] = []
        var handles: [TopicName: (handle: TopicHandle, partitionCount: Int)] = [:]
        var count = 0
        for (index, topic) in meta.topics.enumerated() {
            first.append(count)
            handles[topic.name] = (TopicHandle(index: Int32(index)), topic.partitionCount)
            count += topic.partitionCount
        }
        firstPartition = first
        self.handles = handles
        loop = CommitLoop(bytesMax: options.queueBytesMax)
        maintenance = Maintenance(
            directory: directory, partitions: partitions, options: options, loop: loop, recoveryPoints: recoveryPoints,
            now: now, onWarning: onWarning)
        threads = Mutex([])
        let group = CommitGroup(
            partitions: partitions, firstPartition: firstPartition, durability: options.durability)
        let (loop, maintenance) = (loop, maintenance)
        threads.withLock {
            $0.append(
                OSThread {
                    loop.run { appends in
                        _ = group.commit(appends, now: now(), syncAll: workers.concurrently)
                        maintenance.committed()
                    }
                })
            $0.append(OSThread { maintenance.run() })
        }
    }

    // MARK: Writing

    package func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? { handles[name] }

    package func append(_ group: RecordGroup) async -> AppendReceipt {
        if group.entries.isEmpty { return AppendReceipt(offsets: []) }
        return await withUnsafeContinuation { continuation in
            let append = PendingAppend(group) { continuation.resume(returning: $0) }
            if let refusal = loop.submit(append) { continuation.resume(returning: .refused(group, refusal)) }
        }
    }

    // MARK: Reading

    package func bounds(of partition: TopicPartition) throws(LogError) -> OffsetBounds {
        try log(of: partition).bounds
    }

    package func read(
        _ partition: TopicPartition, from offset: Offset, maximumBytes: Int
    ) async throws(LogError) -> [UInt8] {
        let log = try log(of: partition)
        return try await onWorker { () throws(LogError) in try log.read(from: offset, maximumBytes: maximumBytes) }
    }

    package func offset(_ partition: TopicPartition, atOrAfter timestamp: Int64) async throws(LogError) -> Offset? {
        let log = try log(of: partition)
        return try await onWorker { () throws(LogError) in try log.offset(atOrAfter: timestamp) }
    }

    package func identities(of partition: TopicPartition, since: UInt32) throws(LogError) -> [StoredIdentity] {
        try log(of: partition).identities(since: since)
    }

    /// Each partition that takes no writes, with the reason.
    package var unwritablePartitions: [(partition: TopicPartition, reason: String)] {
        partitions.compactMap { partition in
            partition.state.reason.map { (partition.topicPartition, $0) }
        }
    }

    package func log(of partition: TopicPartition) throws(LogError) -> PartitionLog {
        guard let (handle, count) = handles[partition.topic], (0..<count).contains(partition.partition.number) else {
            throw LogError(.unknownTopic, "there is no partition \(partition)", partition: partition)
        }
        return partitions[firstPartition[Int(handle.index)] + partition.partition.number]
    }

    private func onWorker<Success: Sendable>(
        _ body: @escaping @Sendable () throws(LogError) -> Success
    ) async throws(LogError) -> Success {
        let result = await workers.run { () -> Result<Success, LogError> in
            do throws(LogError) { return .success(try body()) } catch { return .failure(error) }
        }
        switch result {
        case .success(let value): return value
        case .failure(let error as LogError): throw error
        case .failure(let error): preconditionFailure("a worker threw \(error)")
        }
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
        maintenance.finalCheckpoint()
        workers.close()
        for partition in partitions { for segment in partition.segments { segment.log.close() } }
        lock.release()
    }
}

/// What recovery did, over all partitions.
package struct RecoverySummary: Sendable {
    package let scannedBytes: Int
    package let cuts: [(partition: TopicPartition, report: RecoveryReport)]

    init(_ reports: [(TopicPartition, RecoveryReport)]) {
        scannedBytes = reports.reduce(0) { $0 + $1.1.scannedBytes }
        cuts = reports.filter { $0.1.cutBytes > 0 }.map { ($0.0, $0.1) }
    }
}

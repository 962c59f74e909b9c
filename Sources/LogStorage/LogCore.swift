package import EventLog
internal import Synchronization

/// The embedded engine without a thread and without a clock of its own: everything it does, it does in the call that asks
/// for it. `EmbeddedLog` puts threads around it; a simulation steps it through crashes on files in memory.
///
/// Owns: the log directory (locked), every partition, the recovery points.
/// Rules for callers: `commit`, `flush`, `beginCheckpoint`, `prepareNextPartition`, `prepareCheckpoint`, `retain`, `close` never run beside each
/// other; everything else may.
package final class LogCore: Sendable {
    /// Told what goes on while the log opens, for a health endpoint.
    package typealias Progress = @Sendable (_ partitionsDone: Int, _ partitions: Int, _ bytesScanned: Int) -> Void
    /// Runs a closure for every number below a count, in parallel where it can, and returns when all are done.
    package typealias Concurrently = (Int, @escaping @Sendable (Int) -> Void) -> Void

    package let identityHasher: RecordIdentityHasher
    package let recovery: RecoverySummary
    let growth: LogGrowth

    let table: Mutex<PartitionTable>
    let directory: LogDirectory
    let options: LogOptions
    let journal: Journal
    let checkpointer: Checkpointer
    let meta: Mutex<LogMeta>
    let startOffsets: Mutex<[TopicPartition: Int64]>
    private let lock: any FileLock
    /// Held while the status is put together and written, so that an older one never follows a newer one. Whether there was
    /// room on the disk, as far as it was written.
    private let isShort = Mutex(false)
    /// That the last commit found the disk full.
    private let noRoom = Mutex<FileError?>(nil)
    private let processID: Int32
    private let onWarning: @Sendable (String) -> Void

    /// Locks the directory, makes the topics that are missing, and recovers every partition.
    ///
    /// - Throws: `locked` where another process holds the directory, `invalidArgument` where a topic exists with another
    ///   number of partitions, `damaged` or `io` where recovery could not go on. Nothing is changed then that a later
    ///   start could need.
    package static func open(
        _ directory: LogDirectory, topics wanted: [TopicDefinition], options: LogOptions, processID: Int32,
        concurrently: Concurrently, onProgress: @escaping Progress = { _, _, _ in },
        onWarning: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(LogError) -> LogCore {
        let lock = try directory.lock(processID: processID)
        do throws(LogError) {
            var meta = try prepareMeta(directory, wanted)
            try finishDeletions(directory, &meta)
            let points = try directory.recoveryPoints()
            let startOffsets = try directory.startOffsets()
            let status = StatusLine()
            let growth = LogGrowth()
            // Its name becomes durable with those of the partitions. Where there is no room for it now, there may be when it is needed.
            let hasJournalFolder =
                options.durability == .fsync && (try? directory.fileSystem.createDirectory(directory.journalPath)) != nil
            let journaled = try journalFiles(directory, from: points.journalSequence, meta)
            for damage in journaled.damaged {
                onWarning("the journal: \(damage); acknowledged records that the segments lack are lost")
            }
            let recovered = try recover(
                directory, meta, points, startOffsets, journaled.offsets, options, growth, concurrently, onProgress,
                onDamage: { partition, item in
                    onWarning(Self.warning(of: item, in: partition))
                    status.changed()
                })
            let core = LogCore(
                directory: directory, meta: meta, options: options, lock: lock, processID: processID, recovered: recovered,
                growth: growth,
                recoveryPoints: points, startOffsets: startOffsets, journaled: journaled, hasJournalFolder: hasJournalFolder,
                onWarning: onWarning)
            try core.replay(journaled, directory, core.journal)
            try core.settleStarts()
            status.onChange { [weak core] in core?.publishStatus() }
            core.publishStatus()
            return core
        } catch {
            lock.release()
            throw error
        }
    }

    private init(
        directory: LogDirectory, meta: LogMeta, options: LogOptions, lock: any FileLock, processID: Int32,
        recovered: [(log: PartitionLog, report: RecoveryReport)], growth: LogGrowth, recoveryPoints: RecoveryPoints,
        startOffsets: [TopicPartition: Int64],
        journaled: JournalFiles, hasJournalFolder: Bool,
        onWarning: @escaping @Sendable (String) -> Void
    ) {
        identityHasher = RecordIdentityHasher(key: meta.identityKey)
        recovery = RecoverySummary(
            recovered.map { ($0.log.topicPartition, $0.report) },
            newestTimestamp: (recovered.map(\.log.newestTimestampAtStart) + [journaled.newestTimestamp]).compactMap { $0 }.max())
        self.meta = Mutex(meta)
        self.startOffsets = Mutex(startOffsets)
        self.directory = directory
        self.options = options
        self.lock = lock
        self.processID = processID
        self.onWarning = onWarning
        table = Mutex(PartitionTable(topics: meta.topics, partitions: recovered.map(\.log)))
        self.growth = growth
        journal = Journal(
            path: directory.journalPath, fileSystem: directory.fileSystem, topics: meta.topics.map(meta.journalTopic),
            fileBytes: options.journalFileBytes, firstSequence: journaled.nextSequence, nextName: journaled.nextName,
            isFolderDurable: hasJournalFolder)
        checkpointer = Checkpointer(
            directory: directory, partitions: recovered.map(\.log), recoveryPoints: recoveryPoints,
            stuck: Set(recovered.filter(\.report.hasStaleCaches).map(\.log.topicPartition)), onWarning: onWarning)
    }

    package var topics: [TopicDefinition] { table.withLock { $0 }.topics }
    package var partitions: [PartitionLog] { table.withLock { $0 }.live }

    package func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? {
        table.withLock { $0 }.topic(named: name)
    }

    package func definition(of topic: TopicName) -> TopicDefinition? { table.withLock { $0 }.definition(of: topic) }

    package func log(of partition: TopicPartition) throws(LogError) -> PartitionLog {
        guard let log = table.withLock({ $0 }).log(of: partition) else {
            throw LogError(.unknownTopic, "there is no partition \(partition)", partition: partition)
        }
        return log
    }

    // MARK: Writing

    /// Does what can be done for a group before its commit, on any thread.
    package func prepare(_ group: RecordGroup) -> JournaledGroup {
        JournaledGroup(
            group, compressedBytesMin: options.durability == .fsync ? options.journalPieceBytes : nil)
    }

    /// `prepare` and `commit` in one.
    package func commit(_ groups: [RecordGroup], now: Int64) -> [AppendReceipt] {
        commit(groups.map { .records(prepare($0)) }, now: now).map { receipt in
            guard case .records(let receipt) = receipt else { preconditionFailure("records have a receipt of records") }
            return receipt
        }
    }

    /// Makes them durable together, and says what became of each. They may be pending then: `flush` is to follow.
    ///
    /// - Parameter now: milliseconds by a clock that is never set.
    package func commit(_ appends: [PreparedAppend], now: Int64) -> [CommitReceipt] {
        var free = freeBytes
        if let known = free, known < bytesNeeded(appends) {
            // What is pending takes less than it may take.
            flushAll(now: now)
            free = freeBytes
        }
        if isShort.withLock({ $0 }) != (shortage(free) != nil) { publishStatus() }
        if let reserve = reserveShortage(free) { return appends.map { $0.refused(reserve) } }
        if let error = tooLarge(appends, free) ?? stillNoRoom(now) {
            noteRoom(error)
            return appends.map { $0.refused(LogError(.lowSpace, error.description)) }
        }
        let outcome = CommitGroup(table: table.withLock { $0 }, journal: options.durability == .fsync ? journal : nil)
            .commit(appends, now: now)
        noteRoom(outcome.noRoom)
        for failure in outcome.failed { warn(failure.partition, failure.error) }
        if !outcome.failed.isEmpty { publishStatus() }
        return outcome.receipts
    }

    private static func warning(of damage: KnownDamage.Item, in partition: TopicPartition) -> String {
        "\(partition): \(damage.region.description); okla-events log repair sets it aside"
    }

    func warn(of damage: KnownDamage.Item, in partition: TopicPartition) {
        onWarning(Self.warning(of: damage, in: partition))
        publishStatus()
    }

    private func warn(_ partition: TopicPartition, _ error: FileError) {
        onWarning("\(partition): \(error); it takes no records until a restart, reads go on")
    }

    /// Writes to the segments what is due: full batches, and what waits for longer than it may.
    ///
    /// - Returns: when it is to be called next, in the milliseconds of `now`; nil: nothing waits.
    @discardableResult
    package func flush(now: Int64) -> Int64? {
        var next: Int64?
        for partition in partitions where partition.hasPending {
            let lingers = partition.lingersUntil.map { $0 > now } ?? false
            if !lingers || partition.hasFinishedBatch { flush(partition, partly: lingers, now: now) }
            guard partition.hasPending else { continue }
            // Where there is no room, that is not tried again at once.
            let due = partition.isOverdue ? nil : partition.lingersUntil
            next = min(next ?? .max, due ?? now + Self.retryMilliseconds)
        }
        return next
    }

    /// Writes all that is pending, of one partition or of all.
    package func flushAll(_ partition: PartitionLog? = nil, now: Int64 = 0) {
        for partition in partition.map({ [$0] }) ?? partitions where partition.hasPending {
            flush(partition, partly: false, now: now)
        }
    }

    private func flush(_ partition: PartitionLog, partly: Bool, now: Int64) {
        var failure: FileError?
        do throws(FileError) { try partition.write(partly: partly) } catch { failure = error }
        partition.publish(now: now)
        guard let failure else { return }
        if failure.isNoRoom && !partition.hasFailedSync { return noteRoom(failure) }
        warn(partition.topicPartition, failure)
        poison(partition, failure)
    }

    private static let retryMilliseconds: Int64 = 100

    /// Why what was acknowledged could not be written to the segments and still cannot: nothing more is taken before that.
    private func stillNoRoom(_ now: Int64) -> FileError? {
        guard let error = noRoom.withLock({ $0 }), partitions.contains(where: \.isOverdue) else { return nil }
        flushAll(now: now)
        return partitions.contains(where: \.isOverdue) ? error : nil
    }

    /// Why there is no room for these: a journal that has room in its files would take what the segments then cannot.
    private func tooLarge(_ appends: [PreparedAppend], _ free: Int?) -> FileError? {
        let byteCount = bytesNeeded(appends)
        guard let free, free < byteCount else { return nil }
        return FileError(
            operation: "write", path: directory.path, number: FileError.noRoomNumber,
            reason: "No space left on device (\(free) bytes are free, \(byteCount) may be needed)")
    }

    /// The most that the journal and the segments may take for these, and the segments for what is pending.
    private func bytesNeeded(_ appends: [PreparedAppend]) -> Int {
        partitions.reduce(appends.reduce(Self.commitBytesMargin) { $0 + 2 * $1.byteCount }) { $0 + $1.pendingBytes }
    }

    /// New segments, and what a file system takes beside the bytes.
    private static let commitBytesMargin = 64 << 10

    private func noteRoom(_ error: FileError?) {
        let wasFull = noRoom.withLock { noRoom in
            defer { noRoom = error }
            return noRoom != nil
        }
        if wasFull != (error != nil) { publishStatus() }
    }

    /// Why nothing is written at the moment although the partitions could: the disk has too little room left.
    package var shortage: LogError? { shortage(freeBytes) }

    private func shortage(_ free: Int?) -> LogError? {
        if let reserve = reserveShortage(free) { return reserve }
        // Nobody may try again while health says that it is of no use, so what is free tells when it is.
        guard let error = noRoom.withLock({ $0 }), free ?? 0 < Self.roomAgainBytes else { return nil }
        return LogError(.lowSpace, "\(error): make room on that disk; reads go on, and so do writes once there is room")
    }

    private static let roomAgainBytes = 1 << 20

    /// What is to be kept free is not.
    private func reserveShortage(_ free: Int?) -> LogError? {
        guard options.minFreeBytes > 0, let free, free < options.minFreeBytes else { return nil }
        return LogError(
            .lowSpace,
            "\(free) bytes are free on the disk of \(directory.path), Log.MinFreeBytes keeps \(options.minFreeBytes): make room "
                + "there or lower it; reads go on, and so do writes once there is room")
    }

    /// The room on the log's disk; nil where the system does not say.
    package var freeBytes: Int? { try? directory.fileSystem.freeBytes(directory.path) }

    private func poison(_ partition: PartitionLog, _ error: FileError) {
        partition.poison(error)
        // Records of its that were acknowledged may be nowhere else.
        journal.pin()
        publishStatus()
    }

    // MARK: Upkeep

    /// Whether so much was written since the last recovery points that they should move. For the thread that commits.
    package var isCheckpointDue: Bool {
        journal.bytesSinceCheckpoint >= 2 * options.journalFileBytes || journal.isCrowded
            || partitions.reduce(0) { $0 + $1.bytesSinceCheckpoint } >= options.checkpointBytes
    }

    /// What `finishCheckpoint` is to write and to sync.
    package struct Checkpoint: Sendable {
        package fileprivate(set) var works: [CheckpointWork] = []
        /// Where the journal may begin afterwards; nil: something is in the journal alone, so all of that is needed still.
        fileprivate(set) var journalSequence: UInt64?
        /// The number of the next partition to prepare.
        fileprivate var next = 0
    }

    /// Begins a checkpoint: `prepareNextPartition` is to be called until none is left, and commits may come in between. What each call
    /// compresses and writes holds up the commits that wait for it, so it is one partition's and not everybody's at once.
    package func beginCheckpoint() -> Checkpoint { Checkpoint(journalSequence: journal.prepareCheckpoint()) }

    /// Brings one more partition's records into its segments, all of those before `beginCheckpoint` among them; nil: none was left.
    package func prepareNextPartition(of checkpoint: Checkpoint) -> Checkpoint? {
        // By the numbers of all, which stay as they are when a topic goes.
        let slots = table.withLock { $0 }.partitions
        guard checkpoint.next < slots.count else { return nil }
        var checkpoint = checkpoint
        let partition = slots[checkpoint.next]
        checkpoint.next += 1
        if partition.state == .gone { return checkpoint }
        flushAll(partition)
        if partition.hasPending { checkpoint.journalSequence = nil }
        if let work = checkpointer.prepare(partition) { checkpoint.works.append(work) }
        return checkpoint
    }

    /// The same in one call.
    package func prepareCheckpoint() -> Checkpoint {
        var checkpoint = beginCheckpoint()
        while let next = prepareNextPartition(of: checkpoint) { checkpoint = next }
        return checkpoint
    }

    /// - Parameter betweenCommits: runs a closure where nothing commits meanwhile, and returns when it has run.
    /// - Returns: whether all of it is durable.
    @discardableResult
    package func finishCheckpoint(
        _ checkpoint: Checkpoint, betweenCommits: (@escaping @Sendable () -> Void) -> Void = { $0() }
    ) -> Bool {
        let isDurable = checkpointer.finish(
            checkpoint.works, journalSequence: { [journal] in journal.isPinned ? nil : checkpoint.journalSequence },
            betweenCommits: betweenCommits
        ) { [self] partition, error in poison(partition, error) }
        guard isDurable, let sequence = checkpoint.journalSequence else { return false }
        journal.finishCheckpoint(before: sequence)
        return true
    }

    /// Whether `prepareJournalFile` is of use. For the thread that commits.
    package func wantsJournalFile() -> Bool { journal.wantsSpare() && shortage == nil }

    /// Writes a file of the journal once, so that commits into it are cheaper. May run beside commits.
    package func prepareJournalFile() { journal.prepareSpare() }

    /// Begins new segments where the last ones are too old, and removes old ones as configured.
    package func retain(now: Int64) {
        flushAll()
        for partition in partitions {
            do throws(FileError) {
                try partition.rollIfAged(now: now)
            } catch {
                if error.isNoRoom && !partition.hasFailedSync {
                    noteRoom(error)
                    continue
                }
                onWarning("\(partition.topicPartition): \(error)")
                poison(partition, error)
            }
            do throws(LogError) {
                _ = try partition.enforceRetention(now: now)
            } catch {
                onWarning(error.description)
            }
        }
    }

    /// The closed segments, whose caches no start has looked at: `mendCaches` is to be called with each, once the log is open. The
    /// newest last.
    package var closedSegments: [(log: PartitionLog, segment: Segment)] {
        partitions.flatMap { log in log.segments.dropLast().map { (log, $0) } }.sorted { $0.1.baseOffset < $1.1.baseOffset }
    }

    /// May run beside everything else.
    package func mendCaches(_ closed: (log: PartitionLog, segment: Segment)) { closed.log.mendCaches(of: closed.segment) }

    // MARK: Status

    package var statuses: [PartitionStatus] { partitions.map(PartitionStatus.init) }
    /// Every partition that is not simply open and whole.
    package var troubles: [PartitionStatus] { statuses.filter { !$0.isFine } }

    /// Writes into the lock's file how the partitions are, so that other processes (`log topics`) can tell.
    private func publishStatus() {
        isShort.withLock { isShort in
            let shortage = shortage
            isShort = shortage != nil
            let lines = (shortage.map { ["log low-space: \($0.message)"] } ?? []) + troubles.map(\.description)
            lock.write(
                LogDirectory.Holder.contents(processID: processID, troubles: lines, byteCountMax: type(of: lock).byteCount))
        }
    }

    // MARK: Closing

    /// Brings every cache and recovery point up to date and gives the directory free.
    package func close() {
        journal.close(isEmpty: finishCheckpoint(prepareCheckpoint()))
        for partition in partitions { for segment in partition.segments { segment.log.close() } }
        lock.release()
    }
}

/// Lets a callback that is made before its receiver reach it.
private final class StatusLine: Sendable {
    private let receiver = Mutex<(@Sendable () -> Void)?>(nil)

    func onChange(_ body: @escaping @Sendable () -> Void) { receiver.withLock { $0 = body } }
    func changed() { receiver.withLock { $0 }?() }
}

/// What recovery did, over all partitions.
package struct RecoverySummary: Sendable {
    package let scannedBytes: Int
    /// Bytes above the recovery points.
    package let recoveredBytes: Int
    package let cuts: [(partition: TopicPartition, report: RecoveryReport)]
    /// Damage that was set aside, and damage that had to stay.
    package let damage: [(partition: TopicPartition, item: KnownDamage.Item, isQuarantined: Bool)]

    /// Of all records that were there, in milliseconds since 1970; nil where there were none.
    package let newestTimestamp: Int64?

    init(_ reports: [(TopicPartition, RecoveryReport)], newestTimestamp: Int64?) {
        self.newestTimestamp = newestTimestamp
        scannedBytes = reports.reduce(0) { $0 + $1.1.scannedBytes }
        recoveredBytes = reports.reduce(0) { $0 + $1.1.recoveredBytes }
        cuts = reports.filter { $0.1.cutBytes > 0 }.map { ($0.0, $0.1) }
        damage = reports.flatMap { partition, report in
            report.quarantined.map { (partition, $0, true) } + report.left.map { (partition, $0, false) }
        }
    }
}

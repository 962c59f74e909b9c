package import EventLog
internal import RecordFormat
internal import Synchronization

/// One partition: a row of segments, the last of which takes writes, and the records that wait for their batch to fill.
///
/// Owns: the partition's folder and every file in it.
/// Invariants:
/// 1. Offsets are consecutive from the first segment's base to the high watermark; none is used twice, also after a crash.
/// 2. What lies below the high watermark is in the segments up to `writtenEnd`, and from there on in memory (`pending`) and synced
///    in the journal. With `Durability.os` there is no journal, and both ends are the same.
/// 3. After a failed write or sync, here or in the journal, nothing is written any more (`PartitionState.poisoned`). A full disk is
///    no such failure: what could not be written stays pending.
/// 4. A record's timestamp is never smaller than that of the one before it, unless its maker gave it (`TopicDefinition.Timestamps.created`).
/// 5. A segment that is not the last one is synced and never written again.
///
/// Threads: `stage`, `discardStaged`, `write`, `publish`, `poison`, `prepareCheckpoint`, `rollIfAged`, `enforceRetention` belong to
/// the commit loop alone; everything else is for any thread.
package final class PartitionLog: @unchecked Sendable {
    // Sendable: `shared` is locked; the rest is touched by one thread at a time, as said above.

    package let topicPartition: TopicPartition
    package let directory: String
    let fileSystem: any FileSystem
    let options: LogOptions
    /// nil: the topic keeps no identities.
    let hasher: RecordIdentityHasher?
    /// nil: it takes no batches that somebody else has made.
    let wholeBatches: TopicDefinition.Timestamps?
    /// That of the last record that recovery found; nil: there was none, or it is not by our clock.
    let newestTimestampAtStart: Int64?

    struct Shared {
        var segments: [Segment]
        var highWatermark: Int64
        /// The offset behind what is in the segments.
        var writtenEnd: Int64
        var state: PartitionState
        var damage = KnownDamage()
        /// What lies before it was synced in the segments.
        var syncedEnd: Int64
        /// What lies before it was deleted, whether it is still there or not.
        var startOffset: Int64
        /// Of what lies before it, a durable snapshot knows the producers.
        var snapshotEnd: Int64
    }
    let shared: Mutex<Shared>
    /// Raised when records have come to the segments.
    private let growth: [GrowthSignal]
    /// Told of damage that a read has met.
    private let onDamage: @Sendable (KnownDamage.Item) -> Void

    // The commit loop's own. Those that every record touches are not checked for overlapping accesses: each is used by one thread, and
    // no method here hands out access to one while it calls another.
    @exclusivity(unchecked) private var pending: PendingRecords
    /// Where `pending` ended before what the commit has staged; nil: it has staged nothing.
    @exclusivity(unchecked) private var stagedFrom: PendingRecords.Mark?
    /// Since when something waits, in the commit loop's milliseconds.
    private var pendingSince: Int64?
    /// Finished batches that are not written yet.
    private var encoded = GrowableBytes()
    private var encodedBatches: [(header: RecordBatchHeader, start: Int)] = []
    private var written: [(segment: Segment, header: RecordBatchHeader, position: Int)] = []
    private var active: Segment
    private var activeBytes: Int
    /// The offset of the next record; the commit loop's own.
    @exclusivity(unchecked) private(set) var nextOffset: Int64
    @exclusivity(unchecked) private var lastTimestamp: Int64
    private var firstTimestampOfActive: Int64?
    @exclusivity(unchecked) var caches: [SegmentCaches]
    private(set) var bytesSinceCheckpoint = 0
    /// As they will be when what is staged is there.
    private var producers: ProducerTable
    /// Where the newest snapshot of them stands; nil: there is none.
    private var producerSnapshot: Int64?
    /// When the last batch came whole, in milliseconds since 1970.
    private var lastReceived: Int64?
    /// What was known of those that the commit has staged something of.
    private var producersBefore: [(id: Int64, producer: ProducerTable.Producer?)] = []

    init(
        topicPartition: TopicPartition, directory: String, fileSystem: any FileSystem, options: LogOptions,
        hasher: RecordIdentityHasher?, wholeBatches: TopicDefinition.Timestamps?, startOffset: Int64 = 0,
        recovered: RecoveredPartition,
        growth: LogGrowth,
        onDamage: @escaping @Sendable (KnownDamage.Item) -> Void
    ) {
        self.topicPartition = topicPartition
        self.directory = directory
        self.fileSystem = fileSystem
        self.options = options
        self.hasher = hasher
        self.wholeBatches = wholeBatches
        self.growth = [growth.of(topicPartition.topic), growth.ofAny]
        self.onDamage = onDamage
        let last = recovered.segments[recovered.segments.count - 1]
        shared = Mutex(
            Shared(
                segments: recovered.segments, highWatermark: last.nextOffset, writtenEnd: last.nextOffset,
                state: recovered.state, syncedEnd: last.nextOffset,
                startOffset: max(startOffset, recovered.segments[0].baseOffset),
                snapshotEnd: recovered.producers.snapshot ?? 0))
        pending = PendingRecords(batchBytes: options.batchBytes)
        active = last
        activeBytes = last.readableBytes
        nextOffset = last.nextOffset
        lastTimestamp = recovered.lastTimestamp
        let timesAreOurs = wholeBatches != .created
        newestTimestampAtStart = timesAreOurs && recovered.lastTimestamp != Int64.min ? recovered.lastTimestamp : nil
        firstTimestampOfActive = timesAreOurs ? last.firstTimestamp : nil
        caches = [recovered.activeCaches]
        producers = recovered.producers.table
        producerSnapshot = recovered.producers.snapshot
        shared.withLock { shared in
            for report in recovered.report.quarantined {
                _ = shared.damage.note(report.region, segmentBase: report.segmentBase, keptAt: report.keptAt)
            }
            for left in recovered.report.left {
                _ = shared.damage.note(left.region, segmentBase: left.segmentBase, keptAt: nil)
            }
        }
    }

    package var damage: KnownDamage { shared.withLock { $0.damage } }

    func note(_ region: DamagedRegion, in segment: Segment) {
        let item = KnownDamage.Item(segmentBase: segment.baseOffset, region: region, keptAt: nil)
        let isNew = shared.withLock {
            $0.damage.note(region, segmentBase: segment.baseOffset, keptAt: nil)
        }
        if isNew { onDamage(item) }
    }

    package var state: PartitionState { shared.withLock { $0.state } }

    package var bounds: OffsetBounds {
        shared.withLock {
            let start = min($0.startOffset, $0.highWatermark)
            return OffsetBounds(
                start: Offset(start), highWatermark: Offset($0.highWatermark), settled: Offset(max($0.writtenEnd, start)),
                takesWrites: $0.state.isWritable)
        }
    }

    package var segments: [Segment] { shared.withLock { $0.segments } }

    /// The offset behind what is in the segments.
    package var writtenEnd: Int64 { shared.withLock { $0.writtenEnd } }

    /// Whether `offset`, or, for nil, anything was acknowledged that is not in the segments yet.
    package func isPending(_ offset: Offset? = nil) -> Bool {
        shared.withLock { shared in
            guard let offset = offset?.value else { return shared.writtenEnd < shared.highWatermark }
            return offset >= shared.writtenEnd && offset < shared.highWatermark
        }
    }

    // MARK: Staging

    /// Gives the record its offset and its time, which is never before that of the one before, and adds it to the batch being filled.
    @inline(__always)
    func stage(
        body: UnsafeRawBufferPointer, timestamp: Int64, identity: RecordIdentity?
    ) -> (offset: Int64, timestamp: Int64) {
        if stagedFrom == nil { stagedFrom = pending.mark }
        lastTimestamp = max(lastTimestamp, timestamp)
        pending.append(body: body, timestamp: lastTimestamp)
        let offset = nextOffset
        nextOffset += 1
        if hasher != nil, let identity {
            caches[caches.count - 1].identities.append(
                StoredIdentity(
                    identity: identity, offset: Offset(offset), timestampSeconds: seconds(lastTimestamp)))
        }
        return (offset, lastTimestamp)
    }

    /// What became of a batch that came whole.
    enum Staged {
        /// - Parameter appendTime: of all its records; nil: each has its own.
        case taken(baseOffset: Int64, appendTime: Int64?)
        /// Its producer has it there already, or staged.
        case repeated(baseOffset: Int64)
        case refused(ProducerRefusal)
    }

    /// Gives the records of a batch their offsets and adds it behind the batch being filled, which is closed.
    func stage(_ entry: BatchGroup.Entry, of group: BatchGroup) -> Staged {
        switch producers.verdict(on: entry.header) {
        case .refused(let refusal): return .refused(refusal)
        case .repeated(let baseOffset): return .repeated(baseOffset: baseOffset)
        case .append: break
        }
        var appendTime: Int64?
        if wholeBatches != .created {
            lastTimestamp = max(lastTimestamp, group.timestamp)
            appendTime = lastTimestamp
        }
        let baseOffset = nextOffset
        stage(WholeBatch(group: group, entry: entry, appendTime: appendTime))
        return .taken(baseOffset: baseOffset, appendTime: appendTime)
    }

    /// The same for one whose place is known, at a start.
    func stage(_ batch: WholeBatch) {
        if stagedFrom == nil { stagedFrom = pending.mark }
        let header = batch.header(at: nextOffset)
        if header.hasProducer {
            producersBefore.append((header.producerID, producers.producers[header.producerID]))
            producers.note(header)
        }
        pending.append(batch)
        lastReceived = batch.group.timestamp
        if let appendTime = batch.appendTime { lastTimestamp = max(lastTimestamp, appendTime) }
        if hasher != nil {
            for (place, identity) in batch.entry.identities.enumerated() {
                guard let identity else { continue }
                caches[caches.count - 1].identities.append(
                    StoredIdentity(
                        identity: identity, offset: Offset(nextOffset + Int64(place)),
                        timestampSeconds: seconds(batch.appendTime ?? batch.group.timestamp)))
            }
        }
        nextOffset = header.nextOffset
    }

    /// A marker takes the offsets up to `end`, whose records are lost.
    func stageHole(to end: Int64, reason: String) {
        encode(partly: false)
        let timestamp = max(lastTimestamp, 0)
        while nextOffset < end {
            let offsets = nextOffset..<min(end, nextOffset + HoleMarker.offsetsMax)
            let region = DamagedRegion(
                bytes: activeBytes..<activeBytes, offsets: offsets, reason: reason, timestamp: timestamp, mended: nil)
            shared.withLock { _ = $0.damage.note(region, segmentBase: active.baseOffset, keptAt: nil) }
            let batch = HoleMarker.batch(offsets: offsets, timestamp: timestamp, reason: reason)
            let start = encoded.count
            batch.withUnsafeBytes { bytes in
                encoded.append(copying: bytes)
                if let header = try? RecordBatchHeader(reading: bytes) { encodedBatches.append((header, start)) }
            }
            nextOffset = offsets.upperBound
        }
    }

    /// Whether the commit has staged something here.
    var isStaging: Bool { stagedFrom != nil }

    /// Forgets what the commit has staged: its offsets are free again.
    func discardStaged() {
        guard let stagedFrom else { return }
        pending.truncate(to: stagedFrom)
        self.stagedFrom = nil
        for (id, producer) in producersBefore.reversed() { producers.restore(producer, of: id) }
        producersBefore.removeAll()
        nextOffset = shared.withLock { $0.highWatermark }
        caches[caches.count - 1].identities.removeAll(from: nextOffset)
    }

    // MARK: Writing

    /// Records that are not in the segments, in bytes before compression.
    var pendingBytes: Int { pending.byteCount + encoded.count }

    var hasPending: Bool { !pending.isEmpty || !encodedBatches.isEmpty }

    /// Whether a batch waits for nothing any more.
    var hasFinishedBatch: Bool { pending.hasFullBatch || isOverdue }
    /// Batches could not be written when they should have been.
    var isOverdue: Bool { !encodedBatches.isEmpty }
    /// Until when a batch that is not full may wait, in the commit loop's milliseconds; nil: nothing waits.
    var lingersUntil: Int64? { pendingSince.map { $0 + options.lingerMilliseconds } }

    /// Writes what is pending, beginning new segments where it must. After an error the rest is pending still.
    ///
    /// - Parameter partly: leaves the batch that is not full.
    func write(partly: Bool = false) throws(FileError) {
        precondition(written.isEmpty)
        encode(partly: partly)
        var done = 0
        defer {
            encodedBatches.removeFirst(done)
            if encodedBatches.isEmpty { encoded.removeAll() }
        }
        while done < encodedBatches.count {
            var end = done
            var byteCount = 0
            while end < encodedBatches.count, isRoom(for: encodedBatches[end].header, behind: byteCount) {
                byteCount += encodedBatches[end].header.totalBytes
                end += 1
            }
            if end == done {
                try roll(to: encodedBatches[done].header.baseOffset)
                continue
            }
            let start = encodedBatches[done].start
            try active.log.writeAll(
                UnsafeRawBufferPointer(rebasing: encoded.bytes[start..<start + byteCount]), at: activeBytes)
            for batch in encodedBatches[done..<end] {
                written.append((active, batch.header, activeBytes))
                firstTimestampOfActive =
                    firstTimestampOfActive ?? (wholeBatches == .created ? lastReceived : batch.header.firstTimestamp)
                activeBytes += batch.header.totalBytes
                bytesSinceCheckpoint += batch.header.totalBytes
            }
            done = end
        }
    }

    private func encode(partly: Bool) {
        if pending.isEmpty || (partly && !pending.hasFullBatch) { return }
        pending.take(
            partly: partly, baseOffset: encodedBatches.last?.header.nextOffset ?? writtenEnd, appendingTo: &encoded
        ) { header, start in encodedBatches.append((header, start)) }
        // What is left came later, but how much later nobody knows: `publish` begins anew.
        pendingSince = nil
    }

    /// Whether a batch goes into the last segment, behind so many bytes that are not counted yet.
    private func isRoom(for batch: RecordBatchHeader, behind byteCount: Int) -> Bool {
        if activeBytes + byteCount == 0 { return true }
        // Relative offsets have 32 bits; a marker may have taken most of them.
        return activeBytes + byteCount + batch.totalBytes <= options.segmentBytes
            && batch.nextOffset - active.baseOffset <= FileNames.segmentOffsetsMax
    }

    /// Acknowledges what was staged, and lets readers see what was written.
    ///
    /// - Parameter now: the commit loop's milliseconds.
    func publish(now: Int64) {
        var start = 0
        while start < written.count {
            let segment = written[start].segment
            var end = start
            while end < written.count, written[end].segment === segment { end += 1 }
            segment.publish(written[start..<end].map { ($0.header, $0.position) })
            // A segment that is no longer the last one gets its final time entry only now that its batches are in.
            if segment !== active { segment.seal() }
            start = end
        }
        let writtenEnd = written.last?.header.nextOffset
        written.removeAll(keepingCapacity: true)
        stagedFrom = nil
        producersBefore.removeAll()
        pendingSince = hasPending ? pendingSince ?? now : nil
        shared.withLock { shared in
            shared.highWatermark = nextOffset
            shared.writtenEnd = writtenEnd ?? shared.writtenEnd
        }
        if writtenEnd != nil { for signal in growth { signal.raise() } }
    }

    /// Takes no writes from now on. What is not in the segments is forgotten here; what was acknowledged of it, the journal has.
    func poison(_ error: FileError) {
        shared.withLock { $0.state.fail(error) }
        let end = writtenEnd
        for place in caches.indices { caches[place].identities.removeAll(from: end) }
        written.removeAll()
        pending.removeAll()
        stagedFrom = nil
        producersBefore.removeAll()
        encodedBatches.removeAll()
        encoded.removeAll()
    }

    /// The same at a start, of records that nobody has been served yet.
    func takeBackPending(_ error: FileError) {
        poison(error)
        shared.withLock { $0.highWatermark = $0.writtenEnd }
        nextOffset = writtenEnd
    }

    // MARK: Segments

    /// The first sync that failed. Held during each, which no other lock's holder waits for: of two syncs of a file at once the kernel
    /// tells one alone of a failure, and the other one would be believed.
    private let failedSync = Mutex<FileError?>(nil)

    var hasFailedSync: Bool { failedSync.withLock { $0 != nil } }

    /// Syncs a segment; after a failure every later one fails too.
    func sync(_ log: any File) throws(FileError) {
        let failure = failedSync.withLock { failed -> FileError? in
            if failed != nil { return failed }
            do throws(FileError) { try log.sync() } catch { failed = error }
            return failed
        }
        if let failure { throw failure }
    }

    /// Closes the last segment and begins one at `baseOffset`. Everything before is synced first, so only the last segment
    /// can have a torn tail; the folder is synced, so the new file is there after a power cut.
    private func roll(to baseOffset: Int64) throws(FileError) {
        try sync(active.log)
        let segment = try Self.createSegment(
            baseOffset: baseOffset, directory: directory, rules: BatchRules(wholeBatches), fileSystem: fileSystem)
        let hadUnpublished = written.contains { $0.segment === active }
        if !hadUnpublished { active.seal() }
        caches[caches.count - 1].sealedEnd = baseOffset
        // Identities staged for the new segment's records were collected under the old one.
        var fresh = SegmentCaches(segment: segment, hasher: hasher)
        if caches[caches.count - 1].isGivenUp { fresh.giveUp() }
        for identity in caches[caches.count - 1].identities.pending where identity.offset.value >= baseOffset {
            fresh.identities.append(identity)
        }
        caches[caches.count - 1].identities.removeAll(from: baseOffset)
        caches.append(fresh)
        active = segment
        activeBytes = 0
        firstTimestampOfActive = nil
        shared.withLock { shared in
            shared.segments.append(segment)
            shared.syncedEnd = max(shared.syncedEnd, baseOffset)
        }
    }

    static func createSegment(
        baseOffset: Int64, directory: String, rules: BatchRules, fileSystem: any FileSystem
    ) throws(FileError) -> Segment {
        let path = "\(directory)/\(FileNames.segment(baseOffset, FileNames.logSuffix))"
        let file = try fileSystem.open(path, .readWrite)
        // A file of this name can only be what an earlier run made and never wrote to.
        if try file.size() > 0 { try file.truncate(to: 0) }
        try fileSystem.syncDirectory(directory)
        return Segment(
            baseOffset: baseOffset, directory: directory, log: file, rules: rules, readableBytes: 0, nextOffset: baseOffset,
            indexes: SegmentIndexes(), firstTimestamp: nil)
    }

    /// Begins a new segment where the last one's first record is older than configured.
    func rollIfAged(now: Int64) throws(FileError) {
        guard let limit = options.segmentAgeMilliseconds, activeBytes > 0, state.isWritable,
            let first = firstTimestampOfActive, first < now - limit, !hasPending
        else { return }
        precondition(written.isEmpty)
        try roll(to: nextOffset)
    }

    // MARK: Recovery point

    /// What must be written and synced before a restart may skip everything below the offset returned.
    func prepareCheckpoint() -> CheckpointWork {
        var writes: [CacheWrite] = []
        for place in caches.indices { writes += caches[place].takeWrites() }
        if caches.count > 1 { caches.removeFirst(caches.count - 1) }
        return work(movesPoint: true, writes, takeSnapshot())
    }

    /// What is known of producers, where that has changed since it was written last.
    private func takeSnapshot() -> ProducerSnapshotWrite? {
        let offset = writtenEnd
        // Where something could not be written, they are ahead of the segments.
        guard wholeBatches != nil, !hasPending, offset > 0, producerSnapshot != offset else { return nil }
        defer { producerSnapshot = offset }
        return ProducerSnapshotWrite(
            directory: directory, snapshot: ProducerSnapshot(offset: offset, table: producers), replaced: producerSnapshot)
    }

    /// Only the sync. The recovery point stays, since the caches cannot be written; so nothing is collected for them any more.
    func prepareSync() -> CheckpointWork {
        caches.removeFirst(caches.count - 1)
        caches[0].giveUp()
        return work(movesPoint: false, [], nil)
    }

    private func work(movesPoint: Bool, _ writes: [CacheWrite], _ snapshot: ProducerSnapshotWrite?) -> CheckpointWork {
        precondition(!isStaging && written.isEmpty)
        defer { bytesSinceCheckpoint = 0 }
        return CheckpointWork(
            topicPartition: topicPartition, recoveryPoint: writtenEnd, log: active.log,
            syncsLog: bytesSinceCheckpoint > 0, movesPoint: movesPoint, writes: writes, snapshot: snapshot)
    }

    /// It takes no records any more: what was written must not make others' points due again and again.
    func skipCheckpoint() {
        bytesSinceCheckpoint = 0
        caches.removeFirst(caches.count - 1)
        caches[0].giveUp()
    }

    /// A snapshot of producers is durable.
    func noteSnapshot(at offset: Int64) { shared.withLock { $0.snapshotEnd = max($0.snapshotEnd, offset) } }

    /// Whether a file is that of one of its segments.
    func isWriting(to log: any File) -> Bool { segments.contains { $0.log === log } }

    /// The segments are synced up to `offset`.
    func noteSynced(to offset: Int64) { shared.withLock { $0.syncedEnd = max($0.syncedEnd, offset) } }

    private func seconds(_ milliseconds: Int64) -> UInt32 { UInt32(clamping: milliseconds / 1000) }
}

extension SegmentIndexes {
    /// The greatest timestamp: as added, or as the time index's last entry says.
    var latestOrLastEntry: Int64? { latest?.timestamp ?? times.entries.last?.timestamp }
}

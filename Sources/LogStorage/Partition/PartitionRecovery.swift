internal import EventLog
internal import RecordFormat

/// Brings a partition's folder back to a state in which it can be written, reading only what was written after the last
/// recovery point.
///
/// 1. What lies below the recovery point was synced, with its caches, before the point was recorded: not read. Its offsets
///    stay taken, whatever became of its bytes.
/// 2. From there on every batch is checked: magic, length, offset, epoch, CRC-32C.
/// 3. Bad bytes behind the last whole batch, above the recovery point, are a torn tail: cut, the bytes kept aside. Without
///    room to keep them nothing is cut and the partition is read-only.
/// 4. Bad bytes that a valid batch follows, or that lie below the recovery point, are damage: set aside, a marker takes their
///    offsets (`Quarantine`). Without room to set them aside nothing is changed and the partition is read-only; readers step
///    over them all the same.
/// 5. What cannot be read is neither a torn tail nor damage: nothing is changed, and the partition is read-only up to there. The next
///    start may be able to read it.
/// 6. Above the recovery point the last segment is not synced, the journal is. Where it has the records that are damaged, the segment
///    is cut there, and the journal puts back what was acknowledged. Whole batches behind what the journal has are kept aside.
/// 7. What is found above the recovery point is written again and synced before it is served: after a SIGKILL it may be in the
///    page cache only, and after a failed sync the kernel may call pages clean that never reached the disk.
struct PartitionRecovery {
    let topicPartition: TopicPartition
    let directory: String
    let fileSystem: any FileSystem
    let hasher: RecordIdentityHasher?
    let wholeBatches: TopicDefinition.Timestamps?
    /// The offsets whose records the journal has: what is bad from one of them on is cut off, and comes back from there.
    let journaled: Range<Int64>
    /// Told the bytes scanned, as they are.
    let onProgress: @Sendable (Int) -> Void

    func recover(from recoveryPoint: Int64) throws(LogError) -> RecoveredPartition {
        do throws(FileError) {
            let folder = PartitionFolder(directory: directory, fileSystem: fileSystem)
            var bases = try folder.prepare()
            try folder.refuseStrangers(among: bases)
            if bases.isEmpty {
                // Offsets are never used twice, even where somebody removed the files: the new segment begins so early that a
                // marker takes, and tells, what was there.
                let base = max(0, recoveryPoint - FileNames.segmentOffsetsMax)
                let segment = try PartitionLog.createSegment(
                    baseOffset: base, directory: directory, rules: rules, fileSystem: fileSystem)
                segment.log.close()
                bases = [base]
            }
            folder.writeLeaderEpochs(startOffset: bases[0])
            // A point too far away for any segment is no point of this log: everything is scanned.
            let isPlausible = recoveryPoint - bases[bases.count - 1] <= FileNames.segmentOffsetsMax
            return try withProducers(recover(bases, from: isPlausible ? recoveryPoint : 0))
        } catch {
            throw LogError(.io, "recovery of \(topicPartition): \(error.refusal)", partition: topicPartition)
        }
    }

    private var rules: BatchRules { BatchRules(wholeBatches) }

    /// Finds out what the producers have written, where the topic takes their batches.
    private func withProducers(_ recovered: RecoveredPartition) -> RecoveredPartition {
        var recovered = recovered
        guard wholeBatches != nil else { return recovered }
        do throws(FileError) {
            recovered.producers = try ProducerRecovery(directory: directory, fileSystem: fileSystem).recover(recovered.segments)
        } catch {
            // What comes again would be stored again.
            if recovered.state == .open { recovered.state = .readOnly(reason: "\(error); check the disk and restart") }
        }
        return recovered
    }

    private func recover(_ bases: [Int64], from recoveryPoint: Int64) throws(FileError) -> RecoveredPartition {
        var progress = Progress()
        var segments: [Segment] = []
        for (place, base) in bases.dropLast().enumerated() {
            let nextBase = bases[place + 1]
            let file = try open(base, .readOnly)
            let size = try file.size()
            var segment = closedSegment(base, file, size: size, nextBase: nextBase)
            if nextBase > recoveryPoint {
                let walk = walk(
                    segment, after: segments.last, limit: size, endOffset: nextBase, from: recoveryPoint, healing: 0..<0,
                    &progress)
                // What was set aside may have changed the end.
                segment = closedSegment(base, file, size: try file.size(), nextBase: nextBase)
                if walk.isWhole { finish(segment, walk, recoveryPoint, &progress) }
            }
            segments.append(segment)
        }
        return try recoverLast(bases[bases.count - 1], before: segments, from: recoveryPoint, progress)
    }

    /// Keeps the caches of a closed segment, and makes durable what was found in it.
    private func finish(_ segment: Segment, _ walk: Walk, _ recoveryPoint: Int64, _ progress: inout Progress) {
        var indexes = walk.indexes
        indexes.seal()
        segment.setIndexes(indexes)
        do throws(FileError) {
            // What the run before has written above the point, and failed to sync, may be in the page cache only.
            try caches(of: segment).write(indexes, areSynced: walk.unsyncedFrom == nil)
            try caches(of: segment).renewIdentities(recoveryPoint: recoveryPoint)
            if progress.report.quarantined.contains(where: { $0.segmentBase == segment.baseOffset }) {
                try caches(of: segment).completeIdentities()
            }
        } catch {
            // Nothing depends on them; but no recovery point may pass them.
            progress.report.hasStaleCaches = true
        }
        if let from = walk.unsyncedFrom { makeDurable(segment.baseOffset, from..<walk.position, &progress) }
    }

    private func recoverLast(
        _ base: Int64, before closed: [Segment], from recoveryPoint: Int64, _ soFar: Progress
    ) throws(FileError) -> RecoveredPartition {
        var progress = soFar
        let file = try open(base, .update)
        let size = try file.size()
        let probe = Segment(
            baseOffset: base, directory: directory, log: file, rules: rules, readableBytes: size, nextOffset: base, indexes: nil,
            firstTimestamp: nil)
        var walk = walk(
            probe, after: closed.last, limit: size, endOffset: nil, from: recoveryPoint, healing: journaled, &progress)
        if !walk.isWhole {
            return readOnly(walk, of: probe, before: closed, progress)
        } else if walk.nextOffset < recoveryPoint {
            try replaceLostEnd(of: probe, size: size, to: recoveryPoint, &walk, &progress)
        } else if let reason = walk.tail {
            try cutTail(file, size: size, base: base, walk, reason: reason, &progress)
        }
        makeDurable(base, (walk.unsyncedFrom ?? walk.position)..<walk.position, &progress)
        let segment = Segment(
            baseOffset: base, directory: directory, log: file, rules: rules, readableBytes: walk.position,
            nextOffset: walk.nextOffset, indexes: walk.indexes, firstTimestamp: firstTimestamp(file, walk))
        let identities: IdentityCollector
        do throws(FileError) {
            identities = try caches(of: segment).resumeIdentities(recoveryPoint: recoveryPoint)
        } catch {
            progress.cannotRead(error)
            return readOnly(walk, of: segment, before: closed, progress)
        }
        let indexesOnDisk = caches(of: segment).reconcile(walk.indexes, areSynced: walk.unsyncedFrom == nil)
        return RecoveredPartition(
            segments: closed + [segment], state: progress.state, lastTimestamp: walk.timestamp ?? Int64.min,
            report: progress.report,
            activeCaches: SegmentCaches(segment: segment, identities: identities, indexesOnDisk: indexesOnDisk))
    }

    /// The partition as far as it can be read.
    private func readOnly(
        _ walk: Walk, of last: Segment, before closed: [Segment], _ progress: Progress
    ) -> RecoveredPartition {
        let segment = Segment(
            baseOffset: last.baseOffset, directory: directory, log: last.log, rules: rules, readableBytes: walk.position,
            nextOffset: walk.nextOffset, indexes: walk.indexes, firstTimestamp: nil)
        let identities = IdentityCollector(
            segmentBase: last.baseOffset, hasher: nil, coveredEnd: last.baseOffset, writtenBytes: 0)
        return RecoveredPartition(
            segments: closed + [segment], state: progress.state, lastTimestamp: walk.timestamp ?? Int64.min,
            report: progress.report,
            activeCaches: SegmentCaches(segment: segment, identities: identities, indexesOnDisk: SegmentIndexes()))
    }

    private struct Progress {
        var report = RecoveryReport()
        var state = PartitionState.open

        mutating func stop(_ reason: String) {
            if state == .open { state = .readOnly(reason: reason) }
        }

        mutating func cannotRead(_ error: FileError) { stop("\(error); check the disk and restart") }
    }

    private func closedSegment(_ base: Int64, _ file: any File, size: Int, nextBase: Int64) -> Segment {
        Segment(
            baseOffset: base, directory: directory, log: file, rules: rules, readableBytes: size, nextOffset: nextBase,
            indexes: nil,
            firstTimestamp: nil)
    }

    private func caches(of segment: Segment) -> CacheFiles {
        CacheFiles(segment: segment, fileSystem: fileSystem, hasher: hasher)
    }

    private func open(_ base: Int64, _ access: FileAccess) throws(FileError) -> any File {
        try fileSystem.open("\(directory)/\(FileNames.segment(base, FileNames.logSuffix))", access)
    }

    private func firstTimestamp(_ file: any File, _ walk: Walk) -> Int64? {
        guard walk.position > 0 else { return nil }
        return (try? file.readBytes(at: 0, byteCount: RecordBatchHeader.byteCount))?
            .withUnsafeBytes { try? RecordBatchHeader(reading: $0) }?.firstTimestamp
    }

    // MARK: The walk

    private struct Walk {
        var indexes: SegmentIndexes
        var position: Int
        var nextOffset: Int64
        /// That of the last record so far, also where it stands in a segment before.
        var timestamp: Int64?
        /// Where the first batch above the recovery point starts.
        var unsyncedFrom: Int?
        /// Why the bytes behind `position` are no batch; nil where there are none.
        var tail: String?
        /// The offset behind the whole batches that stand in those bytes; nil: there are none.
        var tailEnd: Int64?
        /// False: what stands behind `position` cannot be read.
        var isWhole = true

        mutating func pass(_ header: RecordBatchHeader, at start: Int, segmentBase: Int64, recoveryPoint: Int64) {
            indexes.add(header, at: start, segmentBase: segmentBase)
            position = start + header.totalBytes
            nextOffset = header.nextOffset
            timestamp = max(timestamp ?? .min, header.maxTimestamp)
            if nextOffset > recoveryPoint { unsyncedFrom = unsyncedFrom ?? start }
        }
    }

    /// Checks the batches from the last index entry below `recoveryPoint` on, brings the indexes up to their end, and sets aside
    /// the damage that is met.
    private func walk(
        _ segment: Segment, after previous: Segment?, limit: Int, endOffset: Int64?, from recoveryPoint: Int64,
        healing journaled: Range<Int64>, _ progress: inout Progress
    ) -> Walk {
        let stored = (try? caches(of: segment).trustedIndexes(before: recoveryPoint, segmentBytes: limit)) ?? nil
        var walk = Walk(
            indexes: stored?.indexes ?? SegmentIndexes(), position: stored.map { Int($0.header.position) } ?? 0,
            nextOffset: stored?.header.baseOffset ?? segment.baseOffset, timestamp: stored?.indexes.latestOrLastEntry)
        if let previous, walk.timestamp == nil {
            do throws(FileError) {
                walk.timestamp = try caches(of: previous).load().latestOrLastEntry
            } catch {
                // No record may be earlier than the last one, whose time is not known.
                progress.cannotRead(error)
            }
        }
        var scanner = SegmentScanner(
            segment.log, segmentBase: segment.baseOffset, from: walk.position, offset: walk.nextOffset, limit: limit,
            endOffset: endOffset, rules: rules, timestamp: walk.timestamp)
        while true {
            let step: SegmentScanner.Step
            do throws(FileError) {
                step = try scanner.next()
            } catch {
                progress.cannotRead(error)
                walk.isWhole = false
                return walk
            }
            switch step {
            case .batch(let header, let position):
                walk.pass(header, at: position, segmentBase: segment.baseOffset, recoveryPoint: recoveryPoint)
                progress.report.scannedBytes += header.totalBytes
                onProgress(header.totalBytes)
            case .damage(let region)
            where !region.lostOffsets.isEmpty && journaled.contains(region.offsets.lowerBound)
                && region.offsets.lowerBound >= recoveryPoint:
                walk.position = region.bytes.lowerBound
                walk.nextOffset = region.offsets.lowerBound
                walk.tail = region.reason
                walk.tailEnd = end(behind: region, of: segment, limit: limit)
                return walk
            case .damage(let region):
                setAside(
                    region, of: segment, endsFile: region.bytes.upperBound == limit && endOffset != nil,
                    recoveryPoint, &walk, &progress)
            case .end(_, let nextOffset):
                walk.nextOffset = nextOffset
                return walk
            case .tail(let position, let nextOffset, let reason):
                walk.position = position
                walk.nextOffset = nextOffset
                walk.tail = reason
                return walk
            }
        }
    }

    /// The offset behind the last whole batch behind `region`.
    private func end(behind region: DamagedRegion, of segment: Segment, limit: Int) -> Int64 {
        var scanner = SegmentScanner(
            segment.log, segmentBase: segment.baseOffset, from: region.bytes.upperBound, offset: region.offsets.upperBound,
            limit: limit, endOffset: nil, rules: rules, timestamp: region.timestamp)
        while let step = try? scanner.next() {
            switch step {
            case .batch, .damage: continue
            case .end(_, let nextOffset), .tail(_, let nextOffset, _): return nextOffset
            }
        }
        return Int64.max
    }

    // MARK: Damage and torn tails

    private func setAside(
        _ region: DamagedRegion, of segment: Segment, endsFile: Bool, _ recoveryPoint: Int64, _ walk: inout Walk,
        _ progress: inout Progress
    ) {
        walk.position = region.bytes.upperBound
        walk.nextOffset = region.offsets.upperBound
        if walk.nextOffset > recoveryPoint { walk.unsyncedFrom = walk.unsyncedFrom ?? region.bytes.lowerBound }
        let left = KnownDamage.Item(segmentBase: segment.baseOffset, region: region, keptAt: nil)
        func leave() {
            progress.report.left.append(left)
            guard let header = region.mendedHeader else { return }
            // Readers get it mended.
            walk.pass(
                header, at: region.bytes.lowerBound, segmentBase: segment.baseOffset, recoveryPoint: recoveryPoint)
        }
        do throws(FileError) {
            let quarantine = Quarantine(directory: directory, segmentBase: segment.baseOffset, fileSystem: fileSystem)
            // A closed segment was opened to be read; nothing but this ever writes to it again.
            let file = try open(segment.baseOffset, .update)
            defer { file.close() }
            guard let (item, batches) = try quarantine.apply(region, to: file, endsFile: endsFile) else {
                leave()
                return
            }
            progress.report.quarantined.append(item)
            var position = region.bytes.lowerBound
            for header in batches {
                walk.pass(header, at: position, segmentBase: segment.baseOffset, recoveryPoint: recoveryPoint)
                position += header.totalBytes
            }
            walk.position = position
        } catch {
            leave()
            progress.stop("\(region.description), and could not be set aside (\(error)); make room and restart")
        }
    }

    /// The file ends, or turns bad, below what was synced: a marker takes the missing offsets.
    private func replaceLostEnd(
        of segment: Segment, size: Int, to recoveryPoint: Int64, _ walk: inout Walk, _ progress: inout Progress
    ) throws(FileError) {
        let region = DamagedRegion(
            bytes: walk.position..<size, offsets: walk.nextOffset..<recoveryPoint,
            reason: "\(walk.tail ?? "the file ends here"), but the log was synced up to offset \(recoveryPoint)",
            timestamp: walk.timestamp ?? 0, mended: nil)
        let start = walk.position
        setAside(region, of: segment, endsFile: true, recoveryPoint, &walk, &progress)
        // Where it could not be set aside, the offsets are taken nevertheless, and the bytes are left.
        if progress.report.left.last?.region == region { walk.position = start }
    }

    /// Keeps the bytes behind the last whole batch in a file of their own, unless the journal has them, then cuts them off.
    private func cutTail(
        _ file: any File, size: Int, base: Int64, _ walk: Walk, reason: String, _ progress: inout Progress
    ) throws(FileError) {
        do throws(FileError) {
            if !journaled.contains(walk.nextOffset) || walk.tailEnd ?? 0 > journaled.upperBound {
                let quarantine = Quarantine(directory: directory, segmentBase: base, fileSystem: fileSystem)
                progress.report.keptAt = try quarantine.keep(walk.position..<size, of: file, infix: FileNames.tornInfix)
            }
            try file.truncate(to: walk.position)
            progress.report.cutBytes = size - walk.position
        } catch {
            progress.stop(
                "\(size - walk.position) bytes behind offset \(walk.nextOffset) are torn (\(reason)) and could not be kept "
                    + "aside (\(error)); make room and restart")
        }
    }

    /// Writes what is found above the recovery point again, and syncs it and the file's name: the run before may have made the
    /// file and ended before its name was durable.
    private func makeDurable(_ base: Int64, _ range: Range<Int>, _ progress: inout Progress) {
        progress.report.recoveredBytes += range.count
        do throws(FileError) {
            let file = try open(base, .update)
            defer { file.close() }
            try file.forEachPiece(of: range) { bytes, position throws(FileError) in
                try file.writeAll(bytes, at: position)
                return true
            }
            try file.sync()
            try fileSystem.syncDirectory(directory)
        } catch {
            progress.stop("\(error); check the disk and restart")
        }
    }
}

internal import EventLog
internal import RecordFormat

/// What recovery found, and the partition as it can go on.
struct RecoveredPartition: Sendable {
    var segments: [Segment]
    var state: PartitionState
    var lastTimestamp: Int64
    var report: RecoveryReport
    var activeCaches: SegmentCaches
}

package struct RecoveryReport: Sendable, Equatable {
    /// Bytes whose checksums were read.
    package var scannedBytes = 0
    /// Bytes cut off behind the last whole batch.
    package var cutBytes = 0
    /// Where the cut bytes are kept; nil where they were all zero.
    package var keptAt: String?
}

/// Brings a partition's folder back to a state in which it can be written, reading only what was written after the last
/// recovery point.
///
/// 1. What lies below the recovery point was synced, with its caches, before the point was recorded: not read.
/// 2. From there on every batch is checked: magic, length, offset, CRC-32C.
/// 3. Behind the last whole batch of the last segment: a torn tail, cut, the bytes kept aside. Without room to keep
///    them nothing is cut and the partition is read-only.
/// 4. Bad bytes that a valid batch follows, or that lie below the recovery point, are damage, not a torn tail: nothing is changed, the start is refused.
/// 5. What is found is synced before it is served: after a SIGKILL it may be in the page cache only.
struct PartitionRecovery {
    let topicPartition: TopicPartition
    let directory: String
    let fileSystem: any FileSystem
    let hasher: RecordIdentityHasher?
    /// Told the bytes scanned, as they are.
    let onProgress: @Sendable (Int) -> Void

    private struct Found {
        var segment: Segment
        var indexes: SegmentIndexes
        var lastTimestamp: Int64
    }

    func recover(from recoveryPoint: Int64) throws(LogError) -> RecoveredPartition {
        do throws(FileError) {
            var bases = try tidyAndListSegments()
            if bases.isEmpty {
                // Offsets are never used twice, even where somebody removed the files.
                let segment = try PartitionLog.createSegment(
                    baseOffset: recoveryPoint, directory: directory, fileSystem: fileSystem)
                segment.log.close()
                bases = [recoveryPoint]
            }
            try writeLeaderEpochs(startOffset: bases[0])
            return try recover(bases, from: recoveryPoint)
        } catch {
            throw LogError(.io, "recovery of \(topicPartition): \(error)", partition: topicPartition)
        }
    }

    private func recover(_ bases: [Int64], from recoveryPoint: Int64) throws(FileError) -> RecoveredPartition {
        var report = RecoveryReport()
        var segments: [Segment] = []
        for (place, base) in bases.dropLast().enumerated() {
            let nextBase = bases[place + 1]
            let file = try open(base)
            let size = try file.size()
            let segment = Segment(
                baseOffset: base, directory: directory, log: file, readableBytes: size, nextOffset: nextBase,
                indexes: nil, firstTimestamp: nil)
            if nextBase > recoveryPoint {
                var walk = try self.walk(segment, limit: size, from: recoveryPoint, report: &report)
                guard walk.stop == nil, walk.nextOffset == nextBase else {
                    throw damage(file, at: walk.position, walk.stop ?? "offset \(walk.nextOffset) is missing")
                }
                walk.indexes.seal()
                segment.setIndexes(walk.indexes)
                caches(of: segment).write(walk.indexes)
            }
            segments.append(segment)
        }
        return try recoverLast(bases[bases.count - 1], before: segments, from: recoveryPoint, report: report)
    }

    private func recoverLast(
        _ base: Int64, before closed: [Segment], from recoveryPoint: Int64, report: RecoveryReport
    ) throws(FileError) -> RecoveredPartition {
        var report = report
        let file = try open(base)
        let size = try file.size()
        let probe = Segment(
            baseOffset: base, directory: directory, log: file, readableBytes: size, nextOffset: base, indexes: nil,
            firstTimestamp: nil)
        let walk = try self.walk(probe, limit: size, from: recoveryPoint, report: &report)
        // Below the recovery point everything was synced: what is missing there is damage, and its offsets stay taken.
        guard walk.nextOffset >= recoveryPoint else {
            throw damage(
                file, at: walk.position,
                "\(walk.stop ?? "the file ends"), but the log was synced up to offset \(recoveryPoint)")
        }
        var state = PartitionState.open
        if let stop = walk.stop {
            try refuseIfBatchFollows(file, from: walk.position, size: size, offset: walk.nextOffset, reason: stop)
            do throws(FileError) {
                report.keptAt = try cutTail(file, from: walk.position, size: size, base: base)
                report.cutBytes = size - walk.position
            } catch {
                state = .readOnly(
                    reason: "\(size - walk.position) bytes behind offset \(walk.nextOffset) are torn and could not be "
                        + "kept aside (\(error)); make room and restart")
            }
        }
        do throws(FileError) {
            try file.sync()
        } catch {
            state = .readOnly(reason: "\(error); check the disk and restart")
        }
        let segment = Segment(
            baseOffset: base, directory: directory, log: file, readableBytes: walk.position,
            nextOffset: walk.nextOffset, indexes: walk.indexes, firstTimestamp: walk.firstTimestamp)
        let indexesOnDisk = caches(of: segment).reconcile(walk.indexes)
        let identities = try caches(of: segment).resumeIdentities()
        var lastTimestamp = walk.indexes.latestOrLastEntry ?? Int64.min
        if let previous = closed.last, lastTimestamp == Int64.min {
            let indexes = try caches(of: previous).load()
            lastTimestamp = indexes.latestOrLastEntry ?? Int64.min
        }
        return RecoveredPartition(
            segments: closed + [segment], state: state, lastTimestamp: lastTimestamp, report: report,
            activeCaches: SegmentCaches(segment: segment, identities: identities, indexesOnDisk: indexesOnDisk))
    }

    private func caches(of segment: Segment) -> CacheFiles {
        CacheFiles(segment: segment, fileSystem: fileSystem, hasher: hasher)
    }

    private func open(_ base: Int64) throws(FileError) -> any File {
        try fileSystem.open("\(directory)/\(FileNames.segment(base, FileNames.logSuffix))", .readWrite)
    }

    // MARK: The walk

    private struct Walk {
        var indexes: SegmentIndexes
        var position: Int
        var nextOffset: Int64
        var firstTimestamp: Int64?
        /// Why it ended before the limit.
        var stop: String?
    }

    /// Checks the batches from the last index entry below `recoveryPoint` on, and brings the indexes up to their end.
    private func walk(
        _ segment: Segment, limit: Int, from recoveryPoint: Int64, report: inout RecoveryReport
    ) throws(FileError) -> Walk {
        let stored = try caches(of: segment).trustedIndexes(before: recoveryPoint, segmentBytes: limit)
        var result = Walk(
            indexes: stored?.indexes ?? SegmentIndexes(), position: stored.map { Int($0.header.position) } ?? 0,
            nextOffset: stored?.header.baseOffset ?? segment.baseOffset)
        var walker = BatchWalker(
            segment.log, from: result.position, limit: limit, expectedOffset: result.nextOffset, checksums: true)
        walking: while true {
            switch try walker.next() {
            case .batch(let header, let position):
                result.indexes.add(header, at: position, segmentBase: segment.baseOffset)
                result.position = position + header.totalBytes
                result.nextOffset = header.nextOffset
                report.scannedBytes += header.totalBytes
                onProgress(header.totalBytes)
            case .end: break walking
            case .invalid(_, let reason):
                result.stop = reason
                break walking
            }
        }
        if result.position > 0,
            let first = try segment.log.readBytes(at: 0, byteCount: RecordBatchHeader.byteCount)
                .withUnsafeBytes({ try? RecordBatchHeader(reading: $0) })
        {
            result.firstTimestamp = first.baseTimestamp
        }
        return result
    }

    // MARK: The tail

    private func refuseIfBatchFollows(
        _ file: any File, from position: Int, size: Int, offset: Int64, reason: String
    ) throws(FileError) {
        if let found = try TailSearch(file: file, size: size).validBatch(after: position, offsetAtLeast: offset) {
            throw damage(file, at: position, "\(reason), but a valid batch follows at byte \(found)")
        }
    }

    private func damage(_ file: any File, at position: Int, _ reason: String) -> FileError {
        FileError(
            operation: "recover", path: file.path, number: 0,
            reason: "damage at byte \(position): \(reason); nothing was changed; run okla-events log verify")
    }

    /// Keeps the bytes from `position` on in a file of their own, then cuts them off. Returns that file's path.
    private func cutTail(_ file: any File, from position: Int, size: Int, base: Int64) throws(FileError) -> String? {
        let keep = try freeName("\(directory)/\(FileNames.segment(base, FileNames.tornInfix))\(position)")
        let isWorthKeeping = try TailSearch(file: file, size: size).hasNonZero(from: position)
        if isWorthKeeping {
            let copy = try fileSystem.open(keep, .readWrite)
            defer { copy.close() }
            var done = position
            while done < size {
                let bytes = try file.readBytes(at: done, byteCount: min(BatchWalker.windowBytes, size - done))
                try copy.writeAll(bytes, at: done - position)
                done += bytes.count
            }
            try copy.sync()
            try fileSystem.syncDirectory(directory)
        }
        try file.truncate(to: position)
        return isWorthKeeping ? keep : nil
    }

    /// `name`, or where an earlier tail was kept under it, `name.2` and so on: what was kept stays.
    private func freeName(_ name: String) throws(FileError) -> String {
        var candidate = name
        var number = 2
        while try fileSystem.exists(candidate) {
            candidate = "\(name).\(number)"
            number += 1
        }
        return candidate
    }

    // MARK: The folder

    private func tidyAndListSegments() throws(FileError) -> [Int64] {
        try fileSystem.createDirectory(directory)
        let names = try fileSystem.list(directory)
        let bases = names.compactMap { FileNames.baseOffset(of: $0, suffix: FileNames.logSuffix) }.sorted()
        for name in names {
            let isOrphan = FileNames.cacheSuffixes.contains { suffix in
                FileNames.baseOffset(of: name, suffix: suffix).map { !bases.contains($0) } ?? false
            }
            if isOrphan || name.hasSuffix(FileNames.temporarySuffix) { try fileSystem.remove("\(directory)/\(name)") }
        }
        return bases
    }

    /// Kafka keeps the leader's epochs beside the segments; ours is always epoch 0.
    private func writeLeaderEpochs(startOffset: Int64) throws(FileError) {
        let path = "\(directory)/\(FileNames.leaderEpochs)"
        guard try !fileSystem.exists(path) else { return }
        try fileSystem.replace(path, with: Array("0\n1\n0 \(startOffset)\n".utf8))
    }
}

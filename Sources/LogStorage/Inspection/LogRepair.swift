package import EventLog
internal import RecordFormat

/// Sets aside every damage in a log, wherever it is: markers take the lost offsets, so that every reader, Kafka's included, steps
/// over them. What recovery does at each start above the recovery points, for all of the log.
package struct LogRepair: Sendable {
    package struct Result: Sendable {
        package var setAside: [KnownDamage.Item] = []
        /// Damage that stays: nothing fits in its place.
        package var left: [KnownDamage.Item] = []
        /// Bytes cut off behind the last whole batch, and where they are kept.
        package var cutBytes = 0
        package var keptAt: String?
        package var byteCount = 0
    }

    private let directory: LogDirectory
    private let inspector: LogInspector
    private let hasher: RecordIdentityHasher
    private let points: RecoveryPoints
    /// A service has the directory open: the segment that it writes to stays as it is.
    private let isInUse: Bool

    /// - Parameter isInUse: whether a service holds the directory's lock; otherwise the caller must hold it.
    package init(_ directory: LogDirectory, meta: LogMeta, isInUse: Bool) throws(LogError) {
        self.directory = directory
        self.inspector = LogInspector(directory)
        self.hasher = RecordIdentityHasher(key: meta.identityKey)
        self.points = try directory.recoveryPoints()
        self.isInUse = isInUse
    }

    /// Repairs one partition. `onProgress` is told the bytes checked, as they are.
    package func repair(
        _ partition: TopicPartition, of topic: TopicDefinition, onProgress: @escaping @Sendable (Int) -> Void
    ) throws(LogError) -> Result {
        var result = Result()
        do throws(FileError) {
            var timestamp: Int64?
            let segments = try segments(of: partition)
            try PartitionFolder(directory: directory.directory(of: partition), fileSystem: directory.fileSystem)
                .refuseStrangers(among: segments.map(\.baseOffset))
            for segment in segments where !(isInUse && segment.endOffset == nil) {
                try repair(
                    segment, in: partition, keepsIdentities: topic.keepsIdentities, timestamp: &timestamp, &result, onProgress)
            }
        } catch {
            throw LogError(.io, "repair of \(partition): \(error)", partition: partition)
        }
        // The last segment's end is recovery's business: what was synced and is gone, and what is merely torn.
        if !isInUse { try recover(partition, of: topic, &result) }
        return result
    }

    private func segments(of partition: TopicPartition) throws(FileError) -> [LogInspector.SegmentFile] {
        do throws(LogError) {
            return try inspector.segments(of: partition)
        } catch {
            throw FileError(operation: "list", path: directory.directory(of: partition), number: 0, reason: error.message)
        }
    }

    private func repair(
        _ segment: LogInspector.SegmentFile, in partition: TopicPartition, keepsIdentities: Bool, timestamp: inout Int64?,
        _ result: inout Result, _ onProgress: @Sendable (Int) -> Void
    ) throws(FileError) {
        // Retention may have removed it meanwhile.
        guard let file = try directory.fileSystem.openIfThere(segment.path, .update) else { return }
        defer { file.close() }
        let quarantine = Quarantine(
            directory: directory.directory(of: partition), segmentBase: segment.baseOffset, fileSystem: directory.fileSystem)
        var scanner = SegmentScanner(
            file, segmentBase: segment.baseOffset, from: 0, offset: segment.baseOffset, limit: segment.byteCount,
            endOffset: segment.endOffset, rules: segment.rules, timestamp: timestamp)
        var indexes = SegmentIndexes()
        var (isChanged, hasHole) = (false, false)
        scanning: while true {
            switch try scanner.next() {
            case .batch(let header, let position):
                timestamp = max(timestamp ?? .min, header.maxTimestamp)
                hasHole = hasHole || header.isControlBatch
                indexes.add(header, at: position, segmentBase: segment.baseOffset)
                result.byteCount += header.totalBytes
                onProgress(header.totalBytes)
            case .damage(let region):
                let endsFile = segment.endOffset != nil && region.bytes.upperBound == segment.byteCount
                if let (item, _) = try quarantine.apply(region, to: file, endsFile: endsFile) {
                    result.setAside.append(item)
                    isChanged = true
                } else {
                    result.left.append(
                        KnownDamage.Item(segmentBase: segment.baseOffset, region: region, keptAt: nil))
                }
                onProgress(region.bytes.count)
            case .end, .tail: break scanning
            }
        }
        // A service may have written the caches of what it had in memory since the damage was set aside beside it.
        try renewCaches(
            of: segment, file, in: partition, indexes: isChanged ? nil : indexes,
            keepsIdentities: keepsIdentities, removesIdentities: isChanged || (hasHole && !isInUse))
    }

    /// Writes the caches anew that say anything else than the log. Those of the last segment come back when it is recovered.
    ///
    /// - Parameter indexes: what was found, not sealed; nil: the log has changed since.
    private func renewCaches(
        of file: LogInspector.SegmentFile, _ log: any File, in partition: TopicPartition, indexes: SegmentIndexes?,
        keepsIdentities: Bool, removesIdentities: Bool
    ) throws(FileError) {
        let segment = Segment(
            baseOffset: file.baseOffset, directory: directory.directory(of: partition), log: log, rules: file.rules,
            readableBytes: try log.size(), nextOffset: file.endOffset ?? file.baseOffset, indexes: nil, firstTimestamp: nil)
        let caches = CacheFiles(segment: segment, fileSystem: directory.fileSystem, hasher: keepsIdentities ? hasher : nil)
        var useless = removesIdentities ? [FileNames.identitiesSuffix] : []
        if file.endOffset == nil, indexes.map({ !caches.holdBeginning(of: $0) }) ?? true {
            useless += [FileNames.indexSuffix, FileNames.timeIndexSuffix]
        }
        for suffix in useless where try directory.fileSystem.exists(file.stem + suffix) {
            try directory.fileSystem.remove(file.stem + suffix)
        }
        guard file.endOffset != nil else { return }
        if var indexes {
            indexes.seal()
            try caches.write(indexes)
        } else {
            _ = try caches.rebuild()
        }
        try caches.completeIdentities()
    }

    private func recover(
        _ partition: TopicPartition, of topic: TopicDefinition, _ result: inout Result
    ) throws(LogError) {
        let recovered = try PartitionRecovery(
            topicPartition: partition, directory: directory.directory(of: partition), fileSystem: directory.fileSystem,
            hasher: topic.keepsIdentities ? hasher : nil, wholeBatches: topic.wholeBatches, journaled: 0..<0,
            onProgress: { _ in }
        ).recover(from: points.offsets[partition] ?? 0)
        for segment in recovered.segments { segment.log.close() }
        result.setAside += recovered.report.quarantined
        for item in recovered.report.left where !result.left.contains(where: { $0.region.bytes == item.region.bytes }) {
            result.left.append(item)
        }
        result.cutBytes = recovered.report.cutBytes
        result.keptAt = recovered.report.keptAt
        if let reason = recovered.state.reason {
            throw LogError(.io, "repair of \(partition): \(reason)", partition: partition)
        }
    }
}

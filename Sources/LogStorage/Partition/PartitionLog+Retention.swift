internal import EventLog
internal import Synchronization

// What goes from a partition's beginning: because it is old, because there is too much, or because somebody wants it gone. For the commit loop.
extension PartitionLog {
    /// Removes the oldest closed segments that are beyond the configured size or age, or hold nothing but deleted records. Returns how many went.
    func enforceRetention(now: Int64) throws(LogError) -> Int {
        var removed = 0
        while true {
            let segments = self.segments
            // What its batches say of producers must be known elsewhere.
            guard segments.count > 1, wholeBatches == nil || segments[1].baseOffset <= shared.withLock({ $0.snapshotEnd }) else {
                return removed
            }
            let oldest = segments[0]
            var expired = segments[1].baseOffset <= bounds.start.value
            if !expired, let limit = options.retentionBytes {
                let total = segments.reduce(0) { $0 + $1.readableBytes }
                expired = total - oldest.readableBytes >= limit
            }
            if !expired, let limit = options.retentionAgeMilliseconds {
                expired = try newestTimestampKnown(of: segments.dropLast()).map { $0 < now - limit } ?? false
            }
            guard expired else { return removed }
            do throws(FileError) {
                // The log first, and only then the next one: a log that stays is tried again, so the offsets on disk never
                // have a gap. Caches without a log are removed at the next start. Whoever reads has the file open.
                if try fileSystem.exists(oldest.path(FileNames.logSuffix)) {
                    try fileSystem.remove(oldest.path(FileNames.logSuffix))
                }
                shared.withLock { shared in
                    _ = shared.segments.removeFirst()
                    shared.startOffset = max(shared.startOffset, shared.segments[0].baseOffset)
                }
                caches.removeAll { $0.segment === oldest }
                for suffix in FileNames.cacheSuffixes where try fileSystem.exists(oldest.path(suffix)) {
                    try fileSystem.remove(oldest.path(suffix))
                }
                try fileSystem.syncDirectory(directory)
            } catch {
                throw LogError(.io, "retention of \(topicPartition): \(error)", partition: topicPartition)
            }
            removed += 1
        }
    }

    /// The greatest timestamp of the first of `segments` that tells one. A segment in which nothing can be read, or nothing but a
    /// marker, is no younger than those behind it, and must not go before its damage was looked into.
    private func newestTimestampKnown(of segments: some Sequence<Segment>) throws(LogError) -> Int64? {
        for segment in segments {
            if let newest = try newestTimestamp(of: segment), newest > 0 { return newest }
        }
        return nil
    }

    /// Lets the partition begin no further than where it ends; true where that has changed something.
    func settleStart() -> Bool {
        shared.withLock { shared in
            defer { shared.startOffset = min(shared.startOffset, shared.highWatermark) }
            return shared.startOffset > shared.highWatermark
        }
    }

    /// Lets nobody read what lies before `offset`, and removes the segments that hold nothing else, as far as they can go now.
    func deleteRecords(before offset: Int64) throws(LogError) {
        shared.withLock { shared in
            shared.startOffset = max(shared.startOffset, min(offset, shared.highWatermark))
        }
        _ = try enforceRetention(now: 0)
    }
}

internal import EventLog
internal import RecordFormat

/// Loads, checks and rebuilds the caches beside a segment. None of them is ever believed without a check against the log,
/// and none is ever needed: whatever is missing or wrong is made again from the log.
struct CacheFiles {
    let segment: Segment
    let fileSystem: any FileSystem
    let hasher: RecordIdentityHasher?

    // MARK: Indexes

    /// The stored indexes as far as they lie below `offset`, with the batch at which to go on; nil where there is nothing
    /// to trust.
    func trustedIndexes(
        before offset: Int64, segmentBytes: Int
    ) throws(FileError) -> (indexes: SegmentIndexes, header: (baseOffset: Int64, position: Int32))? {
        guard let stored = storedIndexes(segmentBytes: segmentBytes),
            let resumed = SegmentIndexes.resuming(
                offsets: stored.offsets, times: stored.times, before: offset, segmentBase: segment.baseOffset),
            let header = try header(at: resumed.resume),
            let latest = stored.times.entry(atOrBefore: resumed.resume.relativeOffset),
            // Where times never fall, the latest one at an entry is that of its own batch; otherwise it may be an earlier one's.
            latest.timestamp == header.maxTimestamp
                || (!segment.rules.timesNeverFall && latest.timestamp > header.maxTimestamp
                    && latest.relativeOffset < resumed.resume.relativeOffset)
        else { return nil }
        return (resumed.indexes, (header.baseOffset, resumed.resume.position))
    }

    /// The indexes of a closed segment: the stored ones, or new ones where these do not fit the log.
    func load() throws(FileError) -> SegmentIndexes {
        if let loaded = segment.loadedIndexes { return loaded }
        guard let indexes = try fittingIndexes() else { return try rebuild() }
        segment.setIndexes(indexes)
        return indexes
    }

    /// The stored indexes of a closed segment; nil where they do not fit the log.
    private func fittingIndexes() throws(FileError) -> SegmentIndexes? {
        guard let trusted = try trustedIndexes(before: segment.nextOffset, segmentBytes: segment.readableBytes) else {
            return nil
        }
        // Adds what lies behind the last entry: at most an index interval, or a batch.
        let indexes = try completed(trusted.indexes, from: Int(trusted.header.position), offset: trusted.header.baseOffset)
        return matchesDisk(indexes) ? indexes : nil
    }

    /// Makes the caches of a closed segment anew that are missing or, as far as their ends tell, do not fit the log. Keeps nothing of
    /// good ones in memory.
    func mend() throws(FileError) {
        if segment.loadedIndexes == nil, try fittingIndexes() == nil { _ = try rebuild() }
        if hasher != nil, try !fileSystem.exists(segment.path(FileNames.identitiesSuffix)) { try completeIdentities() }
    }

    /// Makes the indexes of a closed segment again by walking its heads, and writes them.
    func rebuild() throws(FileError) -> SegmentIndexes {
        let indexes = try completed(SegmentIndexes(), from: 0, offset: segment.baseOffset)
        segment.setIndexes(indexes)
        // A failure costs the next one who needs them a walk, no more.
        try? write(indexes)
        return indexes
    }

    private func completed(
        _ start: SegmentIndexes, from position: Int, offset: Int64
    ) throws(FileError) -> SegmentIndexes {
        var indexes = start
        var scanner = SegmentScanner(
            segment.log, segmentBase: segment.baseOffset, from: position, offset: offset, limit: segment.readableBytes,
            endOffset: segment.nextOffset, rules: segment.rules)
        scanning: while true {
            switch try scanner.next() {
            case .batch(let header, let place): indexes.add(header, at: place, segmentBase: segment.baseOffset)
            case .damage(let region):
                if let header = region.mendedHeader {
                    indexes.add(header, at: region.bytes.lowerBound, segmentBase: segment.baseOffset)
                }
            case .end, .tail: break scanning
            }
        }
        indexes.seal()
        return indexes
    }

    /// Writes the index files of a closed segment where they differ, or, unless they are known to be synced, in any case.
    func write(_ indexes: SegmentIndexes, areSynced: Bool = true) throws(FileError) {
        if areSynced && matchesDisk(indexes) { return }
        for (suffix, bytes) in encoded(indexes) {
            try CacheWrite(path: segment.path(suffix), piece: .init(position: 0, bytes: bytes)).perform(fileSystem)
        }
    }

    /// Compares the active segment's files with `indexes`: returns what of them may stay on disk. Files that hold anything
    /// else, or are not known to be synced, are written anew.
    func reconcile(_ indexes: SegmentIndexes, areSynced: Bool) -> SegmentIndexes {
        let onDisk = try? encoded(indexes).map { suffix, bytes throws(FileError) in
            (try fileSystem.contents(of: segment.path(suffix), byteCountMax: bytes.count) ?? [], bytes)
        }
        if let onDisk, onDisk.allSatisfy({ found, expected in expected.starts(with: found) && found.isEmpty }) {
            return SegmentIndexes()
        }
        if areSynced, let onDisk, onDisk.allSatisfy({ found, expected in found == expected }) { return indexes }
        do throws(FileError) {
            for (suffix, bytes) in encoded(indexes) {
                try CacheWrite(path: segment.path(suffix), piece: .init(position: 0, bytes: bytes)).perform(fileSystem)
            }
            return indexes
        } catch {
            return SegmentIndexes()
        }
    }

    /// Whether the files say what `indexes` say, as far as they go.
    func holdBeginning(of indexes: SegmentIndexes) -> Bool {
        encoded(indexes).allSatisfy { suffix, bytes in
            bytes.starts(with: stored(suffix, byteCountMax: bytes.count) ?? [])
        }
    }

    private func encoded(_ indexes: SegmentIndexes) -> [(suffix: String, bytes: [UInt8])] {
        [
            (FileNames.indexSuffix, indexes.offsets.encoded()), (FileNames.timeIndexSuffix, indexes.times.encoded()),
        ]
    }

    private func matchesDisk(_ indexes: SegmentIndexes) -> Bool {
        encoded(indexes).allSatisfy { suffix, bytes in stored(suffix, byteCountMax: bytes.count) == bytes }
    }

    /// What a cache's file holds; nil where it is missing or cannot be read, which is the same: it is made anew.
    func stored(_ suffix: String, byteCountMax: Int) -> [UInt8]? {
        (try? fileSystem.contents(of: segment.path(suffix), byteCountMax: byteCountMax)) ?? nil
    }

    private func storedIndexes(segmentBytes: Int) -> (offsets: OffsetIndex, times: TimeIndex)? {
        let entriesMax = segmentBytes / OffsetIndex.intervalBytes + 1
        guard let offsetBytes = stored(FileNames.indexSuffix, byteCountMax: entriesMax * OffsetIndex.entryBytes),
            // The last entry of a closed segment has none beside it.
            let timeBytes = stored(FileNames.timeIndexSuffix, byteCountMax: (entriesMax + 1) * TimeIndex.entryBytes),
            let offsets = OffsetIndex(decoding: offsetBytes, segmentBytes: segmentBytes),
            let times = TimeIndex(decoding: timeBytes)
        else { return nil }
        return (offsets, times)
    }

    /// The head of the batch that an index entry leads to; nil where it leads to anything else.
    func header(at entry: OffsetIndex.Entry) throws(FileError) -> RecordBatchHeader? {
        let bytes = try segment.log.readBytes(at: Int(entry.position), byteCount: RecordBatchHeader.byteCount)
        guard let header = bytes.withUnsafeBytes({ try? RecordBatchHeader(reading: $0) }),
            header.lastOffset == segment.baseOffset + Int64(entry.relativeOffset)
        else { return nil }
        return header
    }
}

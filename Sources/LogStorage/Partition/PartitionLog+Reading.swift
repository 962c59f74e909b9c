package import EventLog
internal import RecordFormat
internal import Synchronization

// Reads block on the disk: call them on a worker thread, never on an event loop.
extension PartitionLog {
    /// Whole batches from the one that holds `offset` on, at least one where there is one.
    package func read(from offset: Offset, maximumBytes: Int) throws(LogError) -> [UInt8] {
        let (segments, highWatermark) = shared.withLock { ($0.segments, $0.highWatermark) }
        let start = segments[0].baseOffset
        guard offset.value >= start, offset.value <= highWatermark else {
            throw LogError(
                .offsetOutOfRange, "\(topicPartition) holds offsets \(start) to \(highWatermark), not \(offset)",
                partition: topicPartition)
        }
        if offset.value == highWatermark { return [] }
        let place = segments.partitionPoint { $0.baseOffset > offset.value } - 1
        return try reporting { () throws(FileError) in
            try batches(of: segments[place], from: offset.value, maximumBytes: maximumBytes)
        }
    }

    private func batches(of segment: Segment, from offset: Int64, maximumBytes: Int) throws(FileError) -> [UInt8] {
        let (start, first) = try position(of: offset, in: segment)
        let limit = segment.readableBytes
        let byteCount = max(min(maximumBytes, limit - start), first.totalBytes)
        var bytes = try segment.log.readBytes(at: start, byteCount: byteCount)
        bytes.removeLast(bytes.count - Self.wholeBatchBytes(bytes))
        return bytes
    }

    /// Where the batch that holds `offset` starts, and its head.
    private func position(
        of offset: Int64, in segment: Segment
    ) throws(FileError) -> (position: Int, header: RecordBatchHeader) {
        let relative = Int32(clamping: offset - segment.baseOffset)
        for attempt in 0..<2 {
            let indexes = attempt == 0 ? try indexes(of: segment) : try cacheFiles(segment).rebuild()
            let entry = indexes.offsets.position(atOrBefore: relative)
            var walker = BatchWalker(
                segment.log, from: entry.map { Int($0.position) } ?? 0, limit: segment.readableBytes,
                expectedOffset: entry == nil ? segment.baseOffset : nil, checksums: false)
            while case .batch(let header, let position) = try walker.next() {
                // An entry that does not lead to its batch means that the index is wrong.
                if header.baseOffset > offset { break }
                if header.lastOffset >= offset { return (position, header) }
            }
        }
        throw FileError(
            operation: "read", path: segment.log.path, number: 0,
            reason: "offset \(offset) cannot be found; run okla-events log verify")
    }

    /// The first offset whose record is at least as late as `timestamp`.
    package func offset(atOrAfter timestamp: Int64) throws(LogError) -> Offset? {
        let (segments, highWatermark) = shared.withLock { ($0.segments, $0.highWatermark) }
        return try reporting { () throws(FileError) in
            for segment in segments where segment.readableBytes > 0 {
                let indexes = try indexes(of: segment)
                guard let latest = indexes.latestOrLastEntry, latest >= timestamp else { continue }
                let earlier = indexes.times.entry(before: timestamp)
                let from = earlier.map { segment.baseOffset + Int64($0.relativeOffset) } ?? segment.baseOffset
                let start = try position(of: from, in: segment).position
                var reader = RecordBatchReader()
                var walker = BatchWalker(
                    segment.log, from: start, limit: segment.readableBytes, expectedOffset: nil, checksums: false)
                while case .batch(let header, let position) = try walker.next() {
                    guard header.maxTimestamp >= timestamp else { continue }
                    var found: Int64?
                    let bytes = try walker.batchBytes(header, at: position)
                    do throws(RecordFormatError) {
                        try reader.forEachRecord(in: bytes, header: header) { record in
                            if found == nil && record.timestamp >= timestamp { found = record.offset }
                        }
                    } catch {
                        throw FileError(
                            operation: "read", path: segment.log.path, number: 0,
                            reason: "batch at offset \(header.baseOffset): \(error)")
                    }
                    if let found { return found < highWatermark ? Offset(found) : nil }
                }
            }
            return nil
        }
    }

    /// The identities of the records from `since` (seconds since 1970) on.
    package func identities(since: UInt32) throws(LogError) -> [StoredIdentity] {
        let segments = self.segments
        return try reporting { () throws(FileError) in
            var found: [StoredIdentity] = []
            for (place, segment) in segments.enumerated() where segment.readableBytes > 0 {
                let latest = try indexes(of: segment).latestOrLastEntry ?? Int64.max
                guard latest / 1000 >= Int64(since) else { continue }
                if place < segments.count - 1 { try? cacheFiles(segment).completeIdentities() }
                let all = try cacheFiles(segment).identities()
                found += all[all.partitionPoint { $0.timestampSeconds >= since }...]
            }
            return found
        }
    }

    func indexes(of segment: Segment) throws(FileError) -> SegmentIndexes {
        if let loaded = segment.loadedIndexes { return loaded }
        return try cacheFiles(segment).load()
    }

    private func cacheFiles(_ segment: Segment) -> CacheFiles {
        CacheFiles(segment: segment, fileSystem: fileSystem, hasher: hasher)
    }

    private func reporting<Result>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
        do throws(FileError) {
            return try body()
        } catch {
            throw LogError(.io, "\(topicPartition): \(error)", partition: topicPartition)
        }
    }

    /// How many bytes of `bytes`, which start with a batch, belong to whole batches.
    static func wholeBatchBytes(_ bytes: [UInt8]) -> Int {
        bytes.withUnsafeBytes { bytes in
            var position = 0
            while let header = try? RecordBatchHeader(reading: UnsafeRawBufferPointer(rebasing: bytes[position...])),
                position + header.totalBytes <= bytes.count
            {
                position += header.totalBytes
            }
            return position
        }
    }
}

extension PartitionLog {
    /// The greatest timestamp of a segment's records; nil where it has none.
    func newestTimestamp(of segment: Segment) throws(LogError) -> Int64? {
        try reporting { () throws(FileError) in try indexes(of: segment).latestOrLastEntry }
    }
}

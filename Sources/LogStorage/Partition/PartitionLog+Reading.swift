package import EventLog
internal import RecordFormat
internal import Synchronization

// Reads block on the disk: call them on a worker thread, never on an event loop.
extension PartitionLog {
    /// Whole batches from the one that holds `offset` on, at least one where there is one. Each was checked against its
    /// checksum; in place of a damaged one stands a `HoleMarker` that takes its offsets.
    package func read(from offset: Offset, maximumBytes: Int) throws(LogError) -> [UInt8] {
        var batches: [UInt8] = []
        try read(from: offset, maximumBytes: maximumBytes, into: &batches)
        return batches
    }

    /// The same, appended to what a reader has.
    func read<Space: BatchSpace>(from offset: Offset, maximumBytes: Int, into space: inout Space) throws(LogError) {
        let (segments, start, writtenEnd, highWatermark) = shared.withLock {
            ($0.segments, $0.startOffset, $0.writtenEnd, $0.highWatermark)
        }
        guard offset.value >= start, offset.value <= highWatermark else {
            throw LogError(
                .offsetOutOfRange, "\(topicPartition) holds offsets \(start) to \(highWatermark), not \(offset)",
                partition: topicPartition)
        }
        if offset.value == highWatermark { return }
        if offset.value >= writtenEnd { throw LogError(.io, pendingReason, partition: topicPartition) }
        let place = segments.partitionPoint { $0.baseOffset > offset.value } - 1
        try reporting { () throws(FileError) in
            try read(segments[place], from: offset.value, maximumBytes: maximumBytes, into: &space)
        }
    }

    private func read<Space: BatchSpace>(
        _ segment: Segment, from offset: Int64, maximumBytes: Int, into space: inout Space
    ) throws(FileError) {
        switch try place(of: offset, in: segment) {
        case .batch(let header, let position):
            let limit = segment.readableBytes
            let byteCount = max(min(maximumBytes, limit - position), header.totalBytes)
            var valid = 0
            try space.append(atMost: byteCount) { target throws(FileError) in
                let count = try segment.log.read(into: target, at: position)
                valid = Self.validBytes(UnsafeRawBufferPointer(rebasing: target[..<count]), from: header.baseOffset)
                return valid
            }
            if valid > 0 { return }
            if header.isControlBatch && header.totalBytes > Self.markerBytesMax {
                return space.append(
                    HoleMarker.batch(
                        offsets: header.baseOffset..<header.nextOffset, timestamp: header.maxTimestamp,
                        reason: "\(header.totalBytes) bytes of damage were set aside"))
            }
            // The head was plausible, the batch is not what was written.
            var scanner = scanner(of: segment, from: position, offset: header.baseOffset)
            if case .damage(let region) = try scanner.next() {
                return space.append(try substitute(region, in: segment, from: offset))
            }
            space.append(try segment.log.readBytes(at: position, byteCount: header.totalBytes))
        case .damage(let region):
            space.append(try substitute(region, in: segment, from: offset))
        }
    }

    /// Why what is acknowledged cannot be read: it is written when somebody wants to read it, so that has failed.
    var pendingReason: String {
        let (writtenEnd, highWatermark, state) = shared.withLock { ($0.writtenEnd, $0.highWatermark, $0.state) }
        return
            "\(topicPartition): offsets \(writtenEnd) to \(highWatermark - 1) are in the journal and could not be written to the "
            + (state.isWritable
                ? "segments yet: make room on that disk" : "segments; restart the service to put them there")
    }

    private enum Place {
        case batch(RecordBatchHeader, position: Int)
        case damage(DamagedRegion)
    }

    /// Where the batch that holds `offset` starts, or the damage that took it.
    private func place(of offset: Int64, in segment: Segment) throws(FileError) -> Place {
        let relative = Int32(clamping: offset - segment.baseOffset)
        for attempt in 0..<3 {
            // An entry that does not lead to its batch means that the index is wrong, or the batch is damaged.
            var start: (position: Int, offset: Int64)? = (0, segment.baseOffset)
            if attempt < 2 {
                let indexes = attempt == 0 ? try indexes(of: segment) : try rebuiltIndexes(of: segment)
                if let entry = indexes.offsets.position(atOrBefore: relative) {
                    start = try cacheFiles(segment).header(at: entry).map { (Int(entry.position), $0.baseOffset) }
                }
            }
            guard let start else { continue }
            var scanner = scanner(of: segment, from: start.position, offset: start.offset)
            scanning: while true {
                switch try scanner.next() {
                case .batch(let header, let position):
                    if header.baseOffset > offset { break scanning }
                    if header.lastOffset >= offset { return .batch(header, position: position) }
                case .damage(let region):
                    if region.offsets.lowerBound > offset { break scanning }
                    if region.offsets.upperBound > offset { return .damage(region) }
                case .end, .tail: break scanning
                }
            }
        }
        throw FileError(
            operation: "read", path: segment.log.path, number: 0,
            reason: "offset \(offset) cannot be found; run okla-events log verify")
    }

    private func scanner(of segment: Segment, from position: Int, offset: Int64) -> SegmentScanner {
        SegmentScanner(
            segment.log, segmentBase: segment.baseOffset, from: position, offset: offset, limit: segment.readableBytes,
            endOffset: segment.nextOffset, rules: segment.rules)
    }

    private func substitute(
        _ region: DamagedRegion, in segment: Segment, from offset: Int64
    ) throws(FileError) -> [UInt8] {
        // The kernel may have dropped what could not be written back. The journal has it: to say that it is lost would make readers go
        // on behind it.
        let syncedEnd = shared.withLock { $0.syncedEnd }
        if options.durability == .fsync && !region.lostOffsets.isEmpty && region.offsets.lowerBound >= syncedEnd {
            throw FileError(
                operation: "read", path: segment.log.path, number: 0,
                reason:
                    "the records from offset \(region.offsets.lowerBound) on did not reach the disk here; restart the service to "
                    + "put them back from the journal")
        }
        note(region, in: segment)
        return region.substitute(from: offset)
    }

    /// The first offset whose record is at least as late as `timestamp`.
    package func offset(atOrAfter timestamp: Int64) throws(LogError) -> Offset? {
        let (segments, start, highWatermark) = shared.withLock { ($0.segments, $0.startOffset, $0.highWatermark) }
        return try reporting { () throws(FileError) in
            for segment in segments where segment.readableBytes > 0 && segment.nextOffset > start {
                let indexes = try indexes(of: segment)
                guard let latest = indexes.latestOrLastEntry, latest >= timestamp else { continue }
                if let found = try offset(
                    atOrAfter: timestamp, in: segment, after: indexes.times.entry(before: timestamp), from: start)
                {
                    return found < highWatermark ? Offset(found) : nil
                }
            }
            return nil
        }
    }

    private func offset(
        atOrAfter timestamp: Int64, in segment: Segment, after entry: TimeIndex.Entry?, from firstOffset: Int64
    ) throws(FileError) -> Int64? {
        var start = (position: 0, offset: segment.baseOffset)
        if let entry,
            case .batch(let header, let position) = try place(of: segment.baseOffset + Int64(entry.relativeOffset), in: segment)
        {
            if header.maxTimestamp == entry.timestamp {
                start = (position, header.baseOffset)
            } else {
                // The entry does not say what its batch says: the index is made anew, and this once everything is walked.
                _ = try rebuiltIndexes(of: segment)
            }
        }
        var reader = RecordBatchReader()
        var scanner = scanner(of: segment, from: start.position, offset: start.offset)
        // The checksum holds: a batch that does not open was written so, and has no record to find.
        func first(_ header: RecordBatchHeader, _ bytes: UnsafeRawBufferPointer) -> Int64? {
            var found: Int64?
            try? reader.forEachRecord(in: bytes, header: header) { record in
                if found == nil && record.timestamp >= timestamp && record.offset >= firstOffset { found = record.offset }
            }
            return found
        }
        while true {
            switch try scanner.next() {
            case .batch(let header, let position):
                guard header.maxTimestamp >= timestamp else { continue }
                if let found = first(header, try scanner.batchBytes(header, at: position)) { return found }
            case .damage(let region):
                note(region, in: segment)
                if let header = region.mendedHeader, let batch = region.mended,
                    let found = batch.withUnsafeBytes({ first(header, $0) })
                {
                    return found
                }
            case .end, .tail: return nil
            }
        }
    }

    /// The identities of the records from `since` (seconds since 1970) on, newest first.
    ///
    /// - Parameter skipsUnreadable: leaves out what cannot be read of a segment, instead of throwing.
    package func identities(since: UInt32, skipsUnreadable: Bool = false) -> PartitionIdentities {
        PartitionIdentities(
            of: topicPartition, segments.map(cacheFiles), since: since, isWritable: state.isWritable,
            skipsUnreadable: skipsUnreadable)
    }

    func indexes(of segment: Segment) throws(FileError) -> SegmentIndexes {
        if let loaded = segment.loadedIndexes { return loaded }
        return try cacheFiles(segment).load()
    }

    /// New ones from the log. Those of the segment that is being written follow from the log at any time.
    private func rebuiltIndexes(of segment: Segment) throws(FileError) -> SegmentIndexes {
        let isActive = shared.withLock { $0.segments[$0.segments.count - 1] === segment }
        return isActive ? try indexes(of: segment) : try cacheFiles(segment).rebuild()
    }

    /// Makes caches anew that somebody has removed, or copied at another time than the log. What cannot be read is left to those who
    /// need it.
    func mendCaches(of segment: Segment) { try? cacheFiles(segment).mend() }

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

    /// How many bytes of `bytes`, which start at `offset`, are whole, valid batches that follow each other.
    static func validBytes(_ bytes: UnsafeRawBufferPointer, from offset: Int64) -> Int {
        var position = 0
        var expected = offset
        while let header = try? RecordBatchReader.checkedHeader(UnsafeRawBufferPointer(rebasing: bytes[position...])),
            header.baseOffset == expected, header.partitionLeaderEpoch == 0,
            // A marker as large as what it replaced is given back in a small form.
            !header.isControlBatch || header.totalBytes <= markerBytesMax
        {
            position += header.totalBytes
            expected = header.nextOffset
        }
        return position
    }

    private static let markerBytesMax = 4096
}

extension PartitionLog {
    /// The greatest timestamp of all records; nil where there are none.
    package func newestTimestamp() throws(LogError) -> Int64? {
        var newest: Int64?
        for segment in segments.reversed() where segment.readableBytes > 0 {
            newest = max(newest ?? .min, try newestTimestamp(of: segment) ?? .min)
            // Those before it have none that is later.
            if segment.rules.timesNeverFall { break }
        }
        return newest
    }

    /// The greatest timestamp of a segment's records; nil where it has none.
    func newestTimestamp(of segment: Segment) throws(LogError) -> Int64? {
        try reporting { () throws(FileError) in try indexes(of: segment).latestOrLastEntry }
    }
}

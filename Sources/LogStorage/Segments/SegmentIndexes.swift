package import RecordFormat

/// What a segment's two indexes hold, kept by adding its batches in order. The same batches give the same bytes, whether
/// they are added while writing, by recovery, or by a rebuild.
package struct SegmentIndexes: Equatable, Sendable {
    package private(set) var offsets = OffsetIndex()
    package private(set) var times = TimeIndex()
    private var bytesSinceEntry = 0
    /// The greatest timestamp so far and the last offset of the batch that brought it.
    package private(set) var latest: TimeIndex.Entry?

    package init() {}

    /// Adds the batch with `header` that starts at `position`.
    package mutating func add(_ header: RecordBatchHeader, at position: Int, segmentBase: Int64) {
        // A scanner gives no batch that lies further from the base; a segment of another shape gets no entries.
        guard let relative = Int32(exactly: header.lastOffset - segmentBase), let position = Int32(exactly: position) else {
            return
        }
        if latest.map({ header.maxTimestamp > $0.timestamp }) ?? true {
            latest = TimeIndex.Entry(timestamp: header.maxTimestamp, relativeOffset: relative)
        }
        if bytesSinceEntry > OffsetIndex.intervalBytes {
            offsets.append(relativeOffset: relative, position: position)
            appendLatest()
            bytesSinceEntry = 0
        }
        bytesSinceEntry += header.totalBytes
    }

    /// Adds the last time entry, so that a closed segment's greatest timestamp stands at the end of its time index.
    package mutating func seal() { appendLatest() }

    private mutating func appendLatest() {
        if let latest { times.append(timestamp: latest.timestamp, relativeOffset: latest.relativeOffset) }
    }

    /// Continues from stored indexes: keeps what lies before `offset`, and returns the entry at whose batch a walk has to
    /// start so that the rest is added as if it had been there from the beginning. nil: start with nothing at position 0.
    package static func resuming(
        offsets: OffsetIndex, times: TimeIndex, before offset: Int64, segmentBase: Int64
    ) -> (indexes: SegmentIndexes, resume: OffsetIndex.Entry)? {
        var indexes = SegmentIndexes()
        guard let before = Int32(exactly: offset - segmentBase - 1), let resume = offsets.position(atOrBefore: before) else {
            return nil
        }
        indexes.offsets = offsets
        indexes.times = times
        // The walk adds the batch at `resume` again, entry included.
        indexes.offsets.removeEntries(from: Int(resume.position))
        indexes.times.removeEntries(from: resume.relativeOffset)
        // The latest one up to that batch, itself included: known although the walk may find it damaged.
        indexes.latest = times.entry(atOrBefore: resume.relativeOffset)
        indexes.bytesSinceEntry = OffsetIndex.intervalBytes + 1
        return (indexes, resume)
    }
}

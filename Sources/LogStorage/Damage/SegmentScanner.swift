package import RecordFormat

/// Steps through a `.log` file batch by batch, over damage too.
///
/// Bad bytes that a valid batch follows, or behind which offsets are known to have been, are damage. Bad bytes that nothing
/// follows are a tail: what a crash in the middle of a write leaves.
package struct SegmentScanner: ~Copyable {
    package enum Step {
        case batch(RecordBatchHeader, position: Int)
        case damage(DamagedRegion)
        /// The limit; `nextOffset` is the one behind the last batch.
        case end(position: Int, nextOffset: Int64)
        /// Bytes from `position` to the limit that are no batch and that nothing follows.
        case tail(position: Int, nextOffset: Int64, reason: String)
    }

    private let file: any File
    private let limit: Int
    /// The offset behind the last record before the limit, where that is known.
    private let endOffset: Int64?
    private let offsetLimit: Int64
    private var walker: BatchWalker
    private var nextOffset: Int64
    private var timestamp: Int64?
    private let rules: BatchRules
    private var hasEnded = false

    /// Scans from `position`, where the batch with `offset` must start, to `limit`.
    ///
    /// - Parameters:
    ///   - endOffset: the offset behind the last record before `limit`, where that is known; nil: whatever is found.
    ///   - timestamp: that of the record before, where known, in milliseconds since 1970.
    package init(
        _ file: any File, segmentBase: Int64, from position: Int, offset: Int64, limit: Int, endOffset: Int64?,
        rules: BatchRules, timestamp: Int64? = nil
    ) {
        self.file = file
        self.limit = limit
        self.endOffset = endOffset
        self.offsetLimit = endOffset ?? (segmentBase + FileNames.segmentOffsetsMax)
        self.rules = rules
        self.timestamp = timestamp
        nextOffset = offset
        walker = BatchWalker(
            file, from: position, limit: limit, expectedOffset: offset, offsetLimit: offsetLimit)
    }

    package mutating func next() throws(FileError) -> Step {
        if hasEnded { return .end(position: limit, nextOffset: nextOffset) }
        switch try walker.next() {
        case .batch(let header, let position):
            nextOffset = header.nextOffset
            timestamp = max(timestamp ?? .min, header.maxTimestamp)
            return .batch(header, position: position)
        case .end(let position):
            hasEnded = true
            guard let endOffset, nextOffset < endOffset else { return .end(position: position, nextOffset: nextOffset) }
            return try damage(position..<position, to: endOffset, nil, "the file ends here")
        case .invalid(let position, let reason):
            let search = BatchSearch(
                file: file, limit: limit, offsets: nextOffset..<offsetLimit, rules: rules, timestamp: timestamp)
            if let (found, header) = try search.batch(after: position) {
                let step = try damage(position..<found, to: header.baseOffset, header, reason)
                walker = BatchWalker(
                    file, from: found, limit: limit, expectedOffset: header.baseOffset, offsetLimit: offsetLimit)
                return step
            }
            hasEnded = true
            if let endOffset {
                // Behind what was known to be there, nothing is: the bytes are no records.
                return try damage(position..<limit, to: max(endOffset, nextOffset), nil, reason)
            }
            let mended = try mended(position..<limit, nextOffset: nil)
            if let end = mended.flatMap({ batch in batch.withUnsafeBytes { try? RecordBatchHeader(reading: $0) } }) {
                return damaged(position..<limit, to: end.nextOffset, nil, reason, mended)
            }
            return .tail(position: position, nextOffset: nextOffset, reason: reason)
        }
    }

    /// The bytes of the batch that `next` has just returned; valid until the next call.
    package mutating func batchBytes(_ header: RecordBatchHeader, at position: Int) throws(FileError) -> UnsafeRawBufferPointer {
        try walker.batchBytes(header, at: position)
    }

    private mutating func damage(
        _ bytes: Range<Int>, to end: Int64, _ following: RecordBatchHeader?, _ reason: String
    ) throws(FileError) -> Step {
        damaged(bytes, to: end, following, reason, try mended(bytes, nextOffset: end))
    }

    private mutating func damaged(
        _ bytes: Range<Int>, to end: Int64, _ following: RecordBatchHeader?, _ reason: String, _ mended: [UInt8]?
    ) -> Step {
        defer { nextOffset = end }
        return .damage(
            DamagedRegion(
                bytes: bytes, offsets: nextOffset..<end, reason: reason,
                timestamp: timestamp ?? following?.firstTimestamp ?? 0, mended: mended))
    }

    private func mended(_ bytes: Range<Int>, nextOffset end: Int64?) throws(FileError) -> [UInt8]? {
        guard bytes.count <= HeadMending.batchBytesMax else { return nil }
        return HeadMending.mended(
            try file.readBytes(at: bytes.lowerBound, byteCount: bytes.count), offset: nextOffset, nextOffset: end)
    }
}

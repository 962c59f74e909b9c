internal import RecordFormat

/// Looks for a whole, valid batch behind bytes that are not one: what decides between damage and a torn tail.
///
/// A batch's checksum does not cover its base offset, and a torn sector may have taken just that. So it must lie behind the
/// offset that was expected, since bytes without a record are never written, and where another batch follows, it must fit.
struct BatchSearch {
    let file: any File
    /// Nothing from here on belongs to the segment's batches.
    let limit: Int
    /// The batch's offsets must lie in here, behind the first one.
    let offsets: Range<Int64>
    let rules: BatchRules
    /// That of the record before, where known: where times never fall, what stands in blocks that were another file's is mostly older.
    let timestamp: Int64?

    /// The position and head of the first whole, valid batch behind `position`.
    func batch(after position: Int) throws(FileError) -> (position: Int, header: RecordBatchHeader)? {
        let overlap = RecordBatchHeader.byteCount - 1
        var start = position + 1
        while start + RecordBatchHeader.byteCount <= limit {
            let window = try file.readBytes(at: start, byteCount: min(BatchWalker.windowBytes + overlap, limit - start))
            guard window.count >= RecordBatchHeader.byteCount else { return nil }
            var place = 0
            while let (found, header) = candidate(in: window, from: place) {
                if start + found + header.totalBytes <= limit {
                    let batch = try file.readBytes(at: start + found, byteCount: header.totalBytes)
                    let isValid = batch.withUnsafeBytes { (try? RecordBatchReader.checkedHeader($0)) != nil }
                    if isValid, try fits(header, endingAt: start + found + header.totalBytes) {
                        return (start + found, header)
                    }
                }
                place = found + 1
            }
            start += window.count - overlap
        }
        return nil
    }

    /// Whether the batch behind `position` goes on where `header` ends, or there is none.
    private func fits(_ header: RecordBatchHeader, endingAt position: Int) throws(FileError) -> Bool {
        var walker = BatchWalker(file, from: position, limit: limit, expectedOffset: nil)
        guard case .batch(let following, _) = try walker.next() else { return true }
        return following.baseOffset == header.nextOffset
    }

    /// The first place in `window`, from `place` on, whose bytes could be a batch's head.
    private func candidate(in window: [UInt8], from place: Int) -> (Int, RecordBatchHeader)? {
        window.withUnsafeBytes { window in
            var place = place
            while place + RecordBatchHeader.byteCount <= window.count {
                defer { place += 1 }
                guard window[place + 16] == UInt8(RecordBatchHeader.magic),
                    let header = try? RecordBatchHeader(reading: UnsafeRawBufferPointer(rebasing: window[place...])),
                    rules.allow(header, behind: timestamp),
                    header.baseOffset > offsets.lowerBound, header.nextOffset <= offsets.upperBound
                else { continue }
                return (place, header)
            }
            return nil
        }
    }
}

extension File {
    /// Calls `body` with the bytes of `range`, a window at a time, until it returns false.
    func forEachPiece(
        of range: Range<Int>, _ body: (_ bytes: [UInt8], _ position: Int) throws(FileError) -> Bool
    ) throws(FileError) {
        var done = range.lowerBound
        while done < range.upperBound {
            let bytes = try readBytes(at: done, byteCount: min(BatchWalker.windowBytes, range.upperBound - done))
            guard !bytes.isEmpty, try body(bytes, done) else { return }
            done += bytes.count
        }
    }

    /// Whether any byte of `range` is not zero.
    func hasNonZero(_ range: Range<Int>) throws(FileError) -> Bool {
        var isFound = false
        try forEachPiece(of: range) { bytes, _ throws(FileError) in
            isFound = bytes.contains { $0 != 0 }
            return !isFound
        }
        return isFound
    }
}

internal import RecordFormat

/// Looks at the bytes behind the last whole batch: a torn tail, or damage that whole batches follow?
struct TailSearch {
    /// A base offset further ahead than this is not a batch of ours but bytes that look like one.
    static let offsetsAheadMax: Int64 = 1 << 32

    let file: any File
    let size: Int

    /// The position of a whole, valid batch behind `position` with a base offset of at least `offsetAtLeast`.
    func validBatch(after position: Int, offsetAtLeast: Int64) throws(FileError) -> Int? {
        let overlap = RecordBatchHeader.byteCount - 1
        var start = position + 1
        while start + RecordBatchHeader.byteCount <= size {
            let window = try file.readBytes(at: start, byteCount: min(BatchWalker.windowBytes + overlap, size - start))
            guard window.count >= RecordBatchHeader.byteCount else { return nil }
            let last = window.count - RecordBatchHeader.byteCount
            for place in 0...last where window[place + 16] == UInt8(RecordBatchHeader.magic) {
                let head = Array(window[place..<place + RecordBatchHeader.byteCount])
                guard let header = try? head.withUnsafeBytes({ try RecordBatchHeader(reading: $0) }),
                    // Ours have no producer: eight bytes FF, which UTF-8 never holds, so that no event's text can pose as a head.
                    header.producerID == -1, header.producerEpoch == -1, header.baseSequence == -1,
                    header.baseOffset >= offsetAtLeast, header.baseOffset - offsetAtLeast < Self.offsetsAheadMax,
                    start + place + header.totalBytes <= size
                else { continue }
                let batch = try file.readBytes(at: start + place, byteCount: header.totalBytes)
                let isValid = batch.withUnsafeBytes { (try? RecordBatchReader.checkedHeader($0)) != nil }
                if isValid { return start + place }
            }
            start += last + 1
        }
        return nil
    }

    func hasNonZero(from position: Int) throws(FileError) -> Bool {
        var done = position
        while done < size {
            let bytes = try file.readBytes(at: done, byteCount: min(BatchWalker.windowBytes, size - done))
            if bytes.isEmpty { return false }
            if bytes.contains(where: { $0 != 0 }) { return true }
            done += bytes.count
        }
        return false
    }
}

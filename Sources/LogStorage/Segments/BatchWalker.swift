package import RecordFormat

/// Steps through a `.log` file batch by batch with few reads.
package struct BatchWalker: ~Copyable {
    package enum Step {
        /// A batch whose head is plausible and whose checksum holds.
        case batch(RecordBatchHeader, position: Int)
        /// The limit, at a batch boundary.
        case end(position: Int)
        /// Bytes at `position` that are not a whole, valid batch with the offset that must come next.
        case invalid(position: Int, reason: String)
    }

    /// The most that is read at once. The first reads are smaller: many walks end soon.
    package static let windowBytes = 1 << 20
    private var nextWindowBytes = 16 << 10

    private let file: any File
    private let limit: Int
    private var position: Int
    private var expectedOffset: Int64?
    private let offsetLimit: Int64
    private var window = GrowableBytes()
    private var windowStart = 0

    /// Walks from `position` to `limit`. The first batch must start at `expectedOffset`, where given; none may reach behind
    /// `offsetLimit`.
    package init(
        _ file: any File, from position: Int, limit: Int, expectedOffset: Int64?, offsetLimit: Int64 = .max
    ) {
        self.file = file
        self.position = position
        self.limit = limit
        self.expectedOffset = expectedOffset
        self.offsetLimit = offsetLimit
    }

    /// Moves to the next batch. After anything but `.batch` the walk is over.
    package mutating func next() throws(FileError) -> Step {
        let here = position
        if here == limit { return .end(position: here) }
        do throws(RecordFormatError) {
            let header = try RecordBatchHeader(reading: bytes(at: here, byteCount: RecordBatchHeader.byteCount))
            if let expectedOffset, header.baseOffset != expectedOffset {
                return .invalid(
                    position: here, reason: "base offset is \(header.baseOffset), \(expectedOffset) must follow")
            }
            if header.partitionLeaderEpoch != 0 {
                return .invalid(position: here, reason: "leader epoch is \(header.partitionLeaderEpoch), not 0")
            }
            if header.nextOffset > offsetLimit {
                return .invalid(
                    position: here, reason: "offsets reach to \(header.lastOffset), \(offsetLimit) starts another segment")
            }
            guard here + header.totalBytes <= limit else {
                throw .truncated(needed: header.totalBytes, available: limit - here)
            }
            _ = try RecordBatchReader.checkedHeader(bytes(at: here, byteCount: header.totalBytes))
            position += header.totalBytes
            expectedOffset = header.nextOffset
            return .batch(header, position: here)
        } catch {
            if let failure = readFailure { throw failure }
            return .invalid(position: here, reason: error.description)
        }
    }

    /// The bytes of the batch that `next` has just returned; valid until the next call.
    package mutating func batchBytes(_ header: RecordBatchHeader, at start: Int) throws(FileError) -> UnsafeRawBufferPointer {
        let found = bytes(at: start, byteCount: header.totalBytes)
        if let failure = readFailure { throw failure }
        return found
    }

    private var readFailure: FileError?

    /// A view of the file from `start` on, shorter than asked for only at the end or after a failure.
    private mutating func bytes(at start: Int, byteCount: Int) -> UnsafeRawBufferPointer {
        if start < windowStart || start + byteCount > windowStart + window.count {
            let wanted = min(max(byteCount, nextWindowBytes), limit - start)
            nextWindowBytes = min(nextWindowBytes * 2, Self.windowBytes)
            window.removeAll()
            let target = UnsafeMutableRawBufferPointer(start: window.reserve(wanted), count: wanted)
            do throws(FileError) {
                window.advance(by: try file.read(into: target, at: start))
            } catch {
                readFailure = error
            }
            windowStart = start
        }
        let first = start - windowStart
        let end = min(first + byteCount, window.count)
        return UnsafeRawBufferPointer(rebasing: window.bytes[min(first, end)..<end])
    }
}

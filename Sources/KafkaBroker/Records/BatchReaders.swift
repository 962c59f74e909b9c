internal import RecordFormat
internal import Synchronization

/// Readers of batches with the memory that they have, for whichever thread needs one.
final class BatchReaders: Sendable {
    private final class Box: @unchecked Sendable {
        // Sendable: one thread has it at a time.
        var reader = RecordBatchReader()
    }

    private let free = Mutex<[Box]>([])
    private static let keptMax = 4
    /// A reader that has met a larger batch is not kept.
    private static let bytesKept = 8 << 20

    func withReader<Result>(_ body: (inout RecordBatchReader) -> Result) -> Result {
        let box = free.withLock { $0.popLast() } ?? Box()
        defer {
            if box.reader.keptBytes <= Self.bytesKept {
                free.withLock { free in if free.count < Self.keptMax { free.append(box) } }
            }
        }
        return body(&box.reader)
    }
}

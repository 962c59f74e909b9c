internal import EventLog
internal import RecordFormat

/// A partition's records that have their offsets and are not yet in its segments: batches being filled, one after the other, and those that came
/// whole.
///
/// The commit loop's own.
struct PendingRecords: ~Copyable {
    /// One batch; boxed, for an array holds only what can be copied.
    private final class Batch {
        @exclusivity(unchecked) var builder = RecordBatchBuilder()
    }

    private enum Finished {
        case records(Batch)
        case whole(WholeBatch)
    }

    /// Those that take no more records, in order.
    private var full: [Finished] = []
    private var last = Batch()
    /// Kept for its memory.
    private var spare: Batch?
    /// Above which a batch is full, in bytes before compression.
    private let batchBytes: Int
    private(set) var byteCount = 0

    init(batchBytes: Int) { self.batchBytes = batchBytes }

    var isEmpty: Bool { last.builder.recordCount == 0 && full.isEmpty }
    var hasFullBatch: Bool { !full.isEmpty }

    @inline(__always)
    mutating func append(body: UnsafeRawBufferPointer, timestamp: Int64) {
        let before = last.builder.recordBytes
        if before + RecordBatchBuilder.recordBytesMax(bodyBytes: body.count) > batchBytes && before > 0 { beginBatch() }
        let start = last.builder.recordBytes
        last.builder.append(body: body, timestamp: timestamp)
        byteCount += last.builder.recordBytes - start
    }

    private mutating func beginBatch() {
        full.append(.records(last))
        last = spare ?? Batch()
        spare = nil
    }

    /// What was begun before is written before it.
    mutating func append(_ batch: WholeBatch) {
        if last.builder.recordCount > 0 { beginBatch() }
        full.append(.whole(batch))
        byteCount += batch.byteCount
    }

    // MARK: Going back

    struct Mark {
        fileprivate let fullCount: Int
        fileprivate let byteCount: Int
        fileprivate let last: RecordBatchBuilder.Mark
    }

    var mark: Mark { Mark(fullCount: full.count, byteCount: byteCount, last: last.builder.mark) }

    /// Forgets what was appended since `mark` was taken; nothing may have been taken since.
    mutating func truncate(to mark: Mark) {
        if full.count > mark.fullCount {
            // The first of them is what was the last one then, unless that was empty and a whole one came.
            if case .records(let batch) = full[mark.fullCount] { last = batch } else { last.builder.removeAll() }
            full.removeSubrange(mark.fullCount...)
        }
        last.builder.truncate(to: mark.last)
        byteCount = mark.byteCount
    }

    mutating func removeAll() {
        full = []
        last.builder.removeAll()
        byteCount = 0
    }

    // MARK: Taking

    /// Appends the finished batches to `output` and forgets them.
    ///
    /// - Parameters:
    ///   - partly: leaves the last batch, which is not full, where it is.
    ///   - baseOffset: that of the first record.
    ///   - each: told each batch's head, and where it starts in `output`.
    mutating func take(
        partly: Bool, baseOffset: Int64, appendingTo output: inout GrowableBytes, _ each: (RecordBatchHeader, Int) -> Void
    ) {
        var next = baseOffset
        func finish(_ batch: Batch, _ output: inout GrowableBytes) {
            let start = output.count
            let header = batch.builder.finish(
                baseOffset: next, partitionLeaderEpoch: 0, codec: .lz4, appendingTo: &output)
            next = header.nextOffset
            each(header, start)
        }
        for finished in full {
            switch finished {
            case .records(let batch):
                finish(batch, &output)
                spare = spare ?? batch
            case .whole(let batch):
                let start = output.count
                let header = batch.write(at: next, to: &output)
                next = header.nextOffset
                each(header, start)
            }
        }
        full.removeAll(keepingCapacity: true)
        if !partly && last.builder.recordCount > 0 { finish(last, &output) }
        byteCount = last.builder.recordBytes
    }
}

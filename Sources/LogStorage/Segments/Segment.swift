package import RecordFormat
internal import EventLog
internal import Synchronization

/// One `.log` file of a partition and, beside it, the caches that follow from it.
///
/// Owns: the open `.log`, the in-memory indexes, the readable size.
/// Invariants:
/// 1. Bytes `0 ..< readable size` are whole, durable batches with consecutive offsets from `baseOffset`.
/// 2. `indexes` covers exactly those batches, or is not loaded.
/// 3. The readable size only grows.
///
/// State transitions: `publish` (commit loop) appends, `seal` closes for writing; reads never change anything but loading
/// the indexes.
package final class Segment: Sendable {
    package let baseOffset: Int64
    package let directory: String
    package let log: any File
    package let rules: BatchRules
    private let contents: Mutex<Contents>

    private struct Contents {
        var readableBytes: Int
        var nextOffset: Int64
        /// nil: not loaded yet (closed segments load at the first look-up).
        var indexes: SegmentIndexes?
        var firstTimestamp: Int64?
    }

    package init(
        baseOffset: Int64, directory: String, log: any File, rules: BatchRules, readableBytes: Int, nextOffset: Int64,
        indexes: SegmentIndexes?, firstTimestamp: Int64?
    ) {
        self.baseOffset = baseOffset
        self.directory = directory
        self.log = log
        self.rules = rules
        self.contents = Mutex(
            Contents(
                readableBytes: readableBytes, nextOffset: nextOffset, indexes: indexes, firstTimestamp: firstTimestamp))
    }

    package var readableBytes: Int { contents.withLock { $0.readableBytes } }
    package var nextOffset: Int64 { contents.withLock { $0.nextOffset } }
    package var loadedIndexes: SegmentIndexes? { contents.withLock { $0.indexes } }
    /// The first batch's base timestamp, of segments written or recovered by this process.
    package var firstTimestamp: Int64? { contents.withLock { $0.firstTimestamp } }

    package func path(_ suffix: String) -> String { "\(directory)/\(FileNames.segment(baseOffset, suffix))" }

    /// Makes batches readable that were written and synced.
    package func publish(_ batches: [(header: RecordBatchHeader, position: Int)]) {
        contents.withLock { contents in
            for batch in batches {
                precondition(batch.position == contents.readableBytes && batch.header.baseOffset == contents.nextOffset)
                contents.indexes?.add(batch.header, at: batch.position, segmentBase: baseOffset)
                contents.firstTimestamp = contents.firstTimestamp ?? batch.header.firstTimestamp
                contents.readableBytes += batch.header.totalBytes
                contents.nextOffset = batch.header.nextOffset
            }
        }
    }

    package func seal() { contents.withLock { $0.indexes?.seal() } }

    package func setIndexes(_ indexes: SegmentIndexes) { contents.withLock { $0.indexes = indexes } }
}

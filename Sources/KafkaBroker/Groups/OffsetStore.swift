package import EventLog
package import LogStorage
internal import RecordFormat
internal import Synchronization

/// Keeps committed offsets in the log, in a topic of their own, and in memory. What is answered is as durable as everything else in the log.
///
/// The topic is made when the first one comes, and has one partition. When it holds many more records than there are offsets, all offsets are written once more, and what stands before
/// that is deleted.
package final class OffsetStore: Sendable {
    package typealias Change = (group: String, partition: TopicPartition, committed: GroupOffsets.Committed?)

    private struct Waiting: Sendable {
        let changes: [Change]
        let onKept: @Sendable (LogError?) -> Void
    }

    private struct State {
        var offsets = GroupOffsets()
        /// Records since all offsets were written last.
        var recordCount = 0
        /// Changes that the log has not answered.
        var inFlightCount = 0
        /// All offsets are to be written: until that is done, changes wait, for what is written last must be what was said last.
        var isRewriting = false
        var waiting: [Waiting] = []
    }

    private let log: EmbeddedLog
    private let state = Mutex(State())
    private let now: @Sendable () -> Int64

    private static let partition = TopicPartition(TopicKeeper.offsetsTopic, PartitionID(0))
    /// Below so many records nothing is written anew.
    private static let recordsMin = 20_000
    /// So many records there may be for one offset.
    private static let recordsOfOneMax = 8
    private static let readBytes = 1 << 20

    package init(log: EmbeddedLog, now: @escaping @Sendable () -> Int64) {
        self.log = log
        self.now = now
    }

    /// Reads what the topic holds.
    package func open() async throws(LogError) {
        if log.topic(named: Self.partition.topic) == nil { return }
        var (next, end) = (try log.bounds(of: Self.partition).start, try log.bounds(of: Self.partition).highWatermark)
        while next < end {
            let bytes = try await log.read(Self.partition, from: next, maximumBytes: Self.readBytes)
            guard let behind = take(bytes, from: next) else { break }
            next = behind
            end = try log.bounds(of: Self.partition).highWatermark
        }
    }

    /// - Returns: the offset behind the batches; nil: there are none.
    private func take(_ bytes: [UInt8], from first: Offset) -> Offset? {
        var reader = RecordBatchReader()
        return state.withLock { state in
            bytes.withUnsafeBytes { bytes in
                var (position, next) = (0, nil as Offset?)
                while position < bytes.count {
                    let batch = UnsafeRawBufferPointer(rebasing: bytes[position...])
                    guard let header = try? RecordBatchHeader(reading: batch) else { return next }
                    try? reader.forEachRecord(in: batch, header: header) { record in
                        guard record.offset >= first.value, let found = OffsetRecord(record) else { return }
                        state.offsets.set(found.group, found.partition, found.committed)
                        state.recordCount += 1
                    }
                    position += header.totalBytes
                    next = Offset(header.nextOffset)
                }
                return next
            }
        }
    }

    /// What all offsets take of memory, more or less.
    var byteCount: Int { state.withLock { $0.offsets.byteCount } }

    package var offsets: GroupOffsets { state.withLock { $0.offsets } }

    subscript(group: String) -> [TopicPartition: GroupOffsets.Committed] { state.withLock { $0.offsets[group] } }

    /// Keeps what groups say, nil: forgets it. `onKept` is called, on any thread, when that is durable, or with the error.
    func keep(_ changes: [Change], _ onKept: @escaping @Sendable (LogError?) -> Void) {
        if changes.isEmpty { return onKept(nil) }
        let waiting = Waiting(changes: changes, onKept: onKept)
        let isTaken = state.withLock { state in
            if state.isRewriting {
                state.waiting.append(waiting)
                return false
            }
            state.inFlightCount += 1
            return true
        }
        if isTaken { append(waiting) }
    }

    /// The same for a task, which waits.
    package func keep(_ changes: [Change]) async -> LogError? {
        await withUnsafeContinuation { continuation in keep(changes) { continuation.resume(returning: $0) } }
    }

    private func append(_ waiting: Waiting) {
        append(waiting.changes.map { OffsetRecord(group: $0.group, partition: $0.partition, committed: $0.committed) }) {
            [self] _, error in
            let rewrites = state.withLock { state in
                if error == nil {
                    for change in waiting.changes { state.offsets.set(change.group, change.partition, change.committed) }
                    state.recordCount += waiting.changes.count
                }
                state.inFlightCount -= 1
                if state.recordCount > max(Self.recordsMin, Self.recordsOfOneMax * state.offsets.count) {
                    state.isRewriting = true
                }
                return state.isRewriting && state.inFlightCount == 0
            }
            waiting.onKept(error)
            if rewrites { rewrite() }
        }
    }

    private func append(_ records: [OffsetRecord], _ onAppended: @escaping @Sendable (_ first: Int64?, LogError?) -> Void) {
        guard let handle = log.topic(named: Self.partition.topic)?.handle else {
            Task { [self] in
                do throws(LogError) {
                    try await log.make(TopicDefinition(name: Self.partition.topic, partitionCount: 1, keepsIdentities: false))
                    append(records, onAppended)
                } catch {
                    onAppended(nil, error)
                }
            }
            return
        }
        var group = RecordGroupBuilder(timestamp: now())
        for record in records {
            let start = group.bodies.count
            record.append(to: &group.bodies)
            _ = group.close(from: start, topic: handle, partition: 0, identity: nil)
        }
        log.append(RecordGroup(group)) { onAppended($0.offsets.first, $0.failures.first) }
    }

    /// Writes all offsets once more, while nothing else is written, and deletes what stands before.
    private func rewrite() {
        let records = state.withLock { state in
            state.offsets.groups.flatMap { group, offsets in
                offsets.map { OffsetRecord(group: group, partition: $0.key, committed: $0.value) }
            }
        }
        append(records) { [self] first, error in
            let waiting = state.withLock { state in
                // Where that failed, it is tried again when there are as many records more.
                state.recordCount = records.count
                state.isRewriting = false
                state.inFlightCount += state.waiting.count
                defer { state.waiting = [] }
                return state.waiting
            }
            for change in waiting { append(change) }
            guard error == nil, let first, first >= 0 else { return }
            // What fails here costs the next start some reading.
            Task { [log] in _ = try? await log.deleteRecords(of: Self.partition, before: first) }
        }
    }
}

package import EventLog
internal import RecordFormat
internal import Synchronization

/// A topic in memory, as readers and writers of a log find it; a test appends to it, and makes it lose records or fail.
package final class MemoryLog: LogReader, LogWriter {
    package struct Record: Sendable, Equatable {
        package var key: String
        package var timestamp: Int64
        package var value: String
        package var event: String
        package var messageID: String

        package init(
            key: String, timestamp: Int64 = 0, value: String = "{}", event: String = "test", messageID: String = ""
        ) {
            self.key = key
            self.timestamp = timestamp
            self.value = value
            self.event = event
            self.messageID = messageID
        }
    }

    private struct Partition {
        var batches: [(base: Int64, next: Int64, maxTimestamp: Int64, bytes: [UInt8])] = []
        var start: Int64 = 0
        var settled: Int64 = 0
        /// It waits to be recovered, and serves nothing until then.
        var isSealed = false
        var end: Int64 { batches.last?.next ?? start }
    }

    private struct State {
        var partitions: [Partition]
        var readCount = 0
        var failure: LogError?
        /// Appends that are to fail, and whether they store what they are given all the same.
        var failingAppends: [Bool] = []
    }

    package let topic: TopicDefinition
    package let growth = GrowthSignal()
    private let state: Mutex<State>

    package init(partitionCount: Int, name: String = "raw") {
        topic = TopicDefinition(name: TopicName(name)!, partitionCount: partitionCount, keepsIdentities: false)
        state = Mutex(State(partitions: Array(repeating: Partition(), count: partitionCount)))
    }

    // MARK: What a test does to it

    package var readCount: Int { state.withLock { $0.readCount } }
    package func fail(_ error: LogError?) { state.withLock { $0.failure = error } }
    package func failAppends(storing: [Bool]) { state.withLock { $0.failingAppends = storing } }

    /// All records, partition by partition.
    package func records() -> [Record] {
        state.withLock { state in
            state.partitions.flatMap { partition in
                partition.batches.flatMap { batch in
                    let records = InflatedBatches(batch.bytes)
                    return (0..<records.count).map { place in
                        records.withRecord(at: place) { record in
                            func text(_ bytes: UnsafeRawBufferPointer?) -> String {
                                String(decoding: bytes ?? .init(start: nil, count: 0), as: UTF8.self)
                            }
                            return Record(
                                key: text(record.key), timestamp: record.timestamp, value: text(record.value),
                                event: text(record.header("event")), messageID: text(record.header("messageId")))
                        }
                    }
                }
            }
        }
    }

    package static func partition(of key: String, count: Int) -> Int {
        Array(key.utf8).withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: count) }
    }

    /// Appends to the partition of each record's key, as one batch of each.
    package func append(_ records: [Record], settling: Bool = true) {
        for (partition, records) in Dictionary(
            grouping: records, by: { Self.partition(of: $0.key, count: topic.partitionCount) })
        {
            append(records, to: partition, settling: settling)
        }
    }

    /// Appends one batch; returns its first offset.
    @discardableResult
    package func append(_ records: [Record], to partition: Int, settling: Bool = true) -> Int64 {
        var builder = RecordBatchBuilder()
        for record in records {
            var body = GrowableBytes()
            RecordBody.append(record, to: &body)
            builder.append(body: body.bytes, timestamp: record.timestamp)
        }
        return append(&builder, to: partition, settling: settling)
    }

    private func append(_ builder: inout RecordBatchBuilder, to partition: Int, settling: Bool) -> Int64 {
        let base = state.withLock { state in
            let base = state.partitions[partition].end
            var bytes = GrowableBytes()
            let header = builder.finish(baseOffset: base, partitionLeaderEpoch: 0, codec: .lz4, appendingTo: &bytes)
            state.partitions[partition].batches.append((base, header.nextOffset, header.maxTimestamp, Array(copying: bytes)))
            if settling { state.partitions[partition].settled = header.nextOffset }
            return base
        }
        if settling { growth.raise() }
        return base
    }

    /// Puts a marker in the place of lost records.
    package func lose(_ count: Int64, of partition: Int) {
        state.withLock { state in
            let base = state.partitions[partition].end
            let bytes = HoleMarker.batch(offsets: base..<base + count, timestamp: 0, reason: "lost in a test")
            state.partitions[partition].batches.append((base, base + count, 0, bytes))
            state.partitions[partition].settled = base + count
        }
        growth.raise()
    }

    package func seal(_ partition: Int, _ isSealed: Bool) { state.withLock { $0.partitions[partition].isSealed = isSealed } }

    /// Removes the batches that end at `offset` or before it.
    package func retain(from offset: Int64, of partition: Int) {
        state.withLock { state in
            let end = state.partitions[partition].end
            state.partitions[partition].batches.removeAll { $0.next <= offset }
            state.partitions[partition].start = state.partitions[partition].batches.first?.base ?? end
        }
    }

    // MARK: LogWriter

    package func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? {
        name == topic.name ? (TopicHandle(index: 0), topic.partitionCount) : nil
    }

    package func append(_ group: RecordGroup, onReceipt: @escaping @Sendable (AppendReceipt) -> Void) {
        let stores = state.withLock { $0.failingAppends.isEmpty ? nil : $0.failingAppends.removeFirst() }
        let refused = AppendReceipt.refused(group, LogError(.io, "a failure that a test asked for"))
        if stores == false { return onReceipt(refused) }
        var offsets: [Int64] = []
        for entry in group.entries {
            var builder = RecordBatchBuilder()
            builder.append(body: group.body(of: entry), timestamp: group.timestamp)
            offsets.append(append(&builder, to: Int(entry.partition), settling: true))
        }
        onReceipt(stores == nil ? AppendReceipt(offsets: offsets) : refused)
    }

    // MARK: LogReader

    package func growth(of topic: TopicName) -> GrowthSignal { growth }

    package var topics: [TopicDefinition] { [topic] }

    package func bounds(of partition: TopicPartition) throws(LogError) -> OffsetBounds {
        state.withLock { state in
            let partition = state.partitions[partition.partition.number]
            if partition.isSealed {
                return OffsetBounds(start: Offset(partition.start), highWatermark: Offset(partition.start), takesWrites: false)
            }
            return OffsetBounds(
                start: Offset(partition.start), highWatermark: Offset(partition.end), settled: Offset(partition.settled))
        }
    }

    package func settle(_ partition: TopicPartition) async throws(LogError) {
        state.withLock { state in
            state.partitions[partition.partition.number].settled = state.partitions[partition.partition.number].end
        }
        growth.raise()
    }

    package func read(
        _ partition: TopicPartition, from offset: Offset, maximumBytes: Int
    ) async throws(LogError) -> [UInt8] {
        let (failure, bytes) = state.withLock { state -> (LogError?, [UInt8]) in
            state.readCount += 1
            // As the embedded log does it: who reads what is not at rest brings it there.
            let number = partition.partition.number
            if offset.value >= state.partitions[number].settled {
                state.partitions[number].settled = state.partitions[number].end
            }
            let settled = state.partitions[number].settled
            let batches = state.partitions[number].batches.filter { $0.next > offset.value && $0.next <= settled }
            var bytes: [UInt8] = []
            for batch in batches where bytes.isEmpty || bytes.count + batch.bytes.count <= maximumBytes { bytes += batch.bytes }
            return (state.failure, bytes)
        }
        if let failure { throw failure }
        return bytes
    }

    package func offset(_ partition: TopicPartition, atOrAfter timestamp: Int64) async throws(LogError) -> Offset? {
        let batches = state.withLock { $0.partitions[partition.partition.number].batches }
        for batch in batches where batch.maxTimestamp >= timestamp {
            let records = InflatedBatches(batch.bytes)
            for place in 0..<records.count where records.timestamp(at: place) >= timestamp {
                return Offset(records.offset(at: place))
            }
        }
        return nil
    }
}

extension RecordBody {
    fileprivate static func append(_ record: MemoryLog.Record, to body: inout GrowableBytes) {
        for text in [record.key, record.value] { Array(text.utf8).withUnsafeBytes { appendField($0, to: &body) } }
        appendHeaderCount(2, to: &body)
        Array(record.event.utf8).withUnsafeBytes { appendHeader("event", $0, to: &body) }
        Array(record.messageID.utf8).withUnsafeBytes { appendHeader("messageId", $0, to: &body) }
    }
}

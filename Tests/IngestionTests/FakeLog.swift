import EventLog
import RecordFormat
import Synchronization

/// A log in memory whose answers a test may hold back or make fail.
final class FakeLog: LogWriter {
    struct Stored: Equatable {
        var topic: Int
        var partition: Int
        var key: String?
        var value: String
        var headers: [String: String]
    }

    struct State {
        var records: [Stored] = []
        var nextOffsets: [[Int32]: Int64] = [:]
        var failure: LogError.Code?
        var isHeld = false
        var held: [@Sendable () -> Void] = []
        var appends = 0
    }

    let state = Mutex(State())
    let partitionCount: Int

    init(partitionCount: Int = 12) { self.partitionCount = partitionCount }

    var records: [Stored] { state.withLock { $0.records } }
    func fail(_ code: LogError.Code?) { state.withLock { $0.failure = code } }
    func hold() { state.withLock { $0.isHeld = true } }
    func release() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for answer in held { answer() }
    }
    var heldCount: Int { state.withLock { $0.held.count } }

    func topic(named name: TopicName) -> (handle: TopicHandle, partitionCount: Int)? {
        switch name.text {
        case "raw": (TopicHandle(index: 0), partitionCount)
        case "rejected": (TopicHandle(index: 1), 1)
        default: nil
        }
    }

    func append(_ group: RecordGroup, onReceipt: @escaping @Sendable (AppendReceipt) -> Void) {
        let answer = { @Sendable [self] in onReceipt(receipt(for: group)) }
        let goesOn = state.withLock { state in
            state.appends += 1
            if state.isHeld { state.held.append(answer) }
            return !state.isHeld
        }
        if goesOn { answer() }
    }

    private func receipt(for group: RecordGroup) -> AppendReceipt {
        state.withLock { state in
            if let failure = state.failure {
                var receipt = AppendReceipt(offsets: group.entries.map { _ in AppendReceipt.unassigned })
                for partition in Set(group.entries.map(\.partition)) {
                    receipt.failures.append(
                        LogError(
                            failure, "injected",
                            partition: TopicPartition(TopicName("raw")!, PartitionID(Int(partition)))))
                }
                return receipt
            }
            var offsets: [Int64] = []
            for entry in group.entries {
                let place = [entry.topic.index, entry.partition]
                offsets.append(state.nextOffsets[place, default: 0])
                state.nextOffsets[place, default: 0] += 1
                state.records.append(Self.read(group.body(of: entry), entry))
            }
            return AppendReceipt(offsets: offsets)
        }
    }

    /// Reads a body through the format's own reader, as a batch of one.
    private static func read(_ body: UnsafeRawBufferPointer, _ entry: RecordGroup.Entry) -> Stored {
        var builder = RecordBatchBuilder()
        builder.append(body: body, timestamp: 0)
        var batch = GrowableBytes()
        let header = builder.finish(baseOffset: 0, partitionLeaderEpoch: 0, codec: .none, appendingTo: &batch)
        var stored = Stored(
            topic: Int(entry.topic.index), partition: Int(entry.partition), key: nil, value: "", headers: [:])
        var reader = RecordBatchReader()
        try! reader.forEachRecord(in: batch.bytes, header: header) { record in
            stored.key = record.key.map { String(decoding: $0, as: UTF8.self) }
            stored.value = String(decoding: record.value!, as: UTF8.self)
            record.forEachHeader { name, value in
                stored.headers[String(decoding: name, as: UTF8.self)] = String(decoding: value!, as: UTF8.self)
            }
        }
        return stored
    }
}

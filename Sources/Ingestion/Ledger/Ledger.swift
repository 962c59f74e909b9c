internal import EventLog
internal import EventModel
internal import Synchronization

/// Accounts for every event that was received, by write key and by event type.
///
/// What the log has taken is counted on its commit thread, which gives out receipts in the order of the offsets: so the counts go, at
/// any moment, up to certain offsets of each partition and no further, and can be kept together with them. Duplicates, refusals and
/// failures are counted where they are answered.
package final class Ledger: Sendable {
    private struct State {
        var counts: LedgerCounts
        var types: EventTypes
        /// Changes since the beginning.
        var version = 0
    }

    private let state: Mutex<State>
    private let rawPartitionCount: Int
    /// The ledger's number of each write key, by the key's number.
    private let keys: [Int]

    /// - Parameters:
    ///   - counts: what was counted before.
    ///   - events: the names of the catalogue, for which there is always room.
    package init(_ counts: LedgerCounts, keys: WriteKeyRing, events: [String], rawPartitionCount: Int) {
        var counts = counts
        self.keys = keys.names.map { counts.key($0) }
        for event in events { _ = counts.type(event, ofCatalogue: true) }
        self.rawPartitionCount = rawPartitionCount
        state = Mutex(State(counts: counts, types: EventTypes(counts)))
    }

    /// The figures at this moment, and a number that differs once they have changed.
    package var snapshot: (counts: LedgerCounts, version: Int) { state.withLock { ($0.counts, $0.version) } }

    /// The number of a write key here.
    func number(of key: WriteKey) -> Int {
        if let number = key.number { return keys[number] }
        return state.withLock { $0.counts.key(key.name) }
    }

    // MARK: Types

    var types: EventTypes { state.withLock { $0.types } }

    /// The number of a name that `types` did not have.
    ///
    /// - Parameter ofCatalogue: there is room for more of these.
    func add(type name: UnsafeRawBufferPointer, ofCatalogue: Bool) -> Int {
        let name = String(decoding: name, as: UTF8.self)
        return state.withLock { state in
            let number = state.counts.type(name, ofCatalogue: ofCatalogue)
            state.types = EventTypes(state.counts)
            return number
        }
    }

    // MARK: Counting

    /// Counts what the log was found to hold up to an offset of a partition.
    package func add(_ counts: LedgerCounts, countedTo offset: Int64, of partition: Int) {
        state.withLock { state in
            state.counts.add(counts)
            state.counts.advance(partition, to: offset)
            state.types = EventTypes(state.counts)
            state.version += 1
        }
    }

    /// Counts what the log has taken of a request. On the thread that gives out the log's receipts, in their order.
    func committed(_ prepared: PreparedRequest, _ receipt: AppendReceipt, raw: TopicHandle) {
        let key = prepared.keyNumber
        state.withLock { state in
            for event in prepared.events {
                switch event.fate {
                case .written(let entry) where receipt.offsets[entry] >= 0:
                    state.counts.add(.stored, key: key, type: event.type)
                case .rejected(_, let entry) where receipt.offsets[entry] >= 0:
                    state.counts.add(.rejected, key: key, type: event.type)
                default: break
                }
            }
            for (number, entry) in prepared.group.entries.enumerated() where receipt.offsets[number] >= 0 {
                let partition = entry.topic == raw ? Int(entry.partition) : rawPartitionCount + Int(entry.partition)
                state.counts.advance(partition, to: receipt.offsets[number] + 1)
            }
            state.version += 1
        }
    }

    /// Counts events of an answered request that the log did not take: `outcome` by type.
    func count(_ outcome: LedgerTally.Outcome, ofTypes types: [Int], keyNumber: Int) {
        if types.isEmpty { return }
        state.withLock { state in
            for type in types { state.counts.add(outcome, key: keyNumber, type: type) }
            state.version += 1
        }
    }

    /// Counts a request that was refused for a rate limit. Its events were not read.
    func limited(_ eventCount: Int, keyNumber: Int) {
        state.withLock { state in
            state.counts.add(.limited, key: keyNumber, type: 0, count: Int64(eventCount))
            state.version += 1
        }
    }
}

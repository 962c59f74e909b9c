import Consumption
import EventLog
import RecordFormat
import Synchronization

/// Writes down what it is given, and fails where it is told to.
final class RecordingConsumer: Consumer {
    struct State {
        var positions: [Int64]
        var taken: [Int: [Int64]] = [:]
        var deliveries: [Delivery] = []
        var passedOver = PassedOver()
        var attempts = 0
        var caughtUp = 0
        /// Thrown before anything is taken; nil: nothing is.
        var failure: (@Sendable (Delivery) -> (any Error)?)?
    }

    let group = "recording"
    let state: Mutex<State>

    init(partitionCount: Int) { state = Mutex(State(positions: Array(repeating: 0, count: partitionCount))) }

    var taken: [Int: [Int64]] { state.withLock { $0.taken } }
    var committed: [Int64] { state.withLock { $0.positions } }
    var passedOver: PassedOver { state.withLock { $0.passedOver } }

    func fail(_ failure: (@Sendable (Delivery) -> (any Error)?)?) { state.withLock { $0.failure = failure } }

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] { committed }

    func take(_ delivery: Delivery) async throws {
        let failure = state.withLock { state in
            state.attempts += 1
            return state.failure?(delivery)
        }
        if let failure { throw failure }
        state.withLock { state in
            delivery.forEachRecord { partition, record in state.taken[partition.number, default: []].append(record.offset) }
            for (partition, position) in delivery.positions { state.positions[partition.number] = position }
            for gap in delivery.gaps { state.passedOver.gaps[gap.cause, default: 0] += Int64(gap.offsets.count) }
            state.passedOver.setAside += Int64(delivery.setAside.count)
            state.deliveries.append(delivery)
        }
    }

    func caughtUp(_ bounds: [OffsetBounds]) async throws { state.withLock { $0.caughtUp += 1 } }
}

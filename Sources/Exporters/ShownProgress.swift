internal import Consumption
internal import Synchronization

/// How far an exporter's consumer is, for those who ask while it works.
final class ShownProgress: Sendable {
    private struct State {
        var checkpoint: ExporterCheckpoint?
        var obstacle: String?
    }

    private let state = Mutex(State())

    /// nil: nothing is known of it yet.
    var checkpoint: ExporterCheckpoint? { state.withLock { $0.checkpoint } }
    var committed: [Int64] { checkpoint?.positions ?? [] }
    var passedOver: PassedOver { checkpoint?.passedOver ?? PassedOver() }
    /// For what it waits, or what does not work while it goes on otherwise.
    var obstacle: String? { state.withLock { $0.obstacle } }

    func show(_ checkpoint: ExporterCheckpoint) { state.withLock { $0.checkpoint = checkpoint } }

    /// Moves on behind a delivery.
    func pass(_ delivery: Delivery) { state.withLock { $0.checkpoint?.pass(delivery) } }

    /// - Returns: whether there is one, and was none before.
    func meet(_ obstacle: String?) -> Bool {
        state.withLock { state in
            defer { state.obstacle = obstacle }
            return obstacle != nil && state.obstacle == nil
        }
    }
}

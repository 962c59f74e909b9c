internal import Synchronization

/// Announces once that the service is ready: when both the listener has its port and the log is open, whichever is later.
final class ReadyAnnouncement: Sendable {
    private struct State {
        var port: Int?
        var isLogOpen = false
        var kafka: String?
        var isAnnounced = false
    }

    private let state = Mutex(State())
    private let announce: @Sendable (_ port: Int, _ kafka: String?) -> Void

    init(_ announce: @escaping @Sendable (_ port: Int, _ kafka: String?) -> Void) { self.announce = announce }

    func listening(on port: Int) { update { $0.port = port } }
    /// - Parameter kafka: where Kafka's clients are served; nil: they are not.
    func logIsOpen(kafka: String?) {
        update { state in
            state.isLogOpen = true
            state.kafka = kafka
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let ready = state.withLock { state -> (port: Int, kafka: String?)? in
            change(&state)
            guard let port = state.port, state.isLogOpen, !state.isAnnounced else { return nil }
            state.isAnnounced = true
            return (port, state.kafka)
        }
        if let ready { announce(ready.port, ready.kafka) }
    }
}

internal import Synchronization

/// Announces once that the service is ready: when both the listener has its port and the log is open, whichever is later.
final class ReadyAnnouncement: Sendable {
    private struct State {
        var port: Int?
        var isLogOpen = false
        var isAnnounced = false
    }

    private let state = Mutex(State())
    private let announce: @Sendable (_ port: Int) -> Void

    init(_ announce: @escaping @Sendable (_ port: Int) -> Void) { self.announce = announce }

    func listening(on port: Int) { update { $0.port = port } }
    func logIsOpen() { update { $0.isLogOpen = true } }

    private func update(_ change: (inout State) -> Void) {
        let port = state.withLock { state -> Int? in
            change(&state)
            guard let port = state.port, state.isLogOpen, !state.isAnnounced else { return nil }
            state.isAnnounced = true
            return port
        }
        if let port { announce(port) }
    }
}

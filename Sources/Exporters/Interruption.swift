internal import Glibc
internal import Synchronization

/// Has those come back who wait in a library that blocks: their sockets are shut down, and nobody opens another one.
final class Interruption: Sendable {
    private struct State {
        var isInterrupted = false
        var descriptors: Set<Int32> = []
    }

    private let state = Mutex(State())

    /// Ends what is under way, and everything that would come.
    func interrupt() {
        state.withLock { state in
            state.isInterrupted = true
            for descriptor in state.descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    func check() throws(CancellationError) { if isInterrupted { throw CancellationError() } }

    /// A connection was made; one that comes too late is shut down at once.
    func opened(_ descriptor: Int32) {
        state.withLock { state in
            state.descriptors.insert(descriptor)
            if state.isInterrupted { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// A connection is about to be closed: from then on its number is another's.
    func closing(_ descriptor: Int32) { state.withLock { _ = $0.descriptors.remove(descriptor) } }
}

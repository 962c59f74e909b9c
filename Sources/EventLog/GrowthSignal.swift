internal import Synchronization

/// Tells tasks that a log has grown. One that waits is told of everything that was raised since the count it names, so that nothing is
/// missed between a look at the log and the wait.
public final class GrowthSignal: Sendable {
    private struct State {
        var count: UInt64 = 0
        var nextTicket = 0
        var waiting: [Int: UnsafeContinuation<Void, Never>] = [:]
        /// Cancelled before they waited.
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    public init() {}

    /// How often it was raised.
    public var count: UInt64 { state.withLock { $0.count } }

    /// Where nobody waits, this costs one lock.
    public func raise() {
        let waiting = state.withLock { state in
            state.count &+= 1
            if state.waiting.isEmpty { return [UnsafeContinuation<Void, Never>]() }
            defer { state.waiting.removeAll(keepingCapacity: true) }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns once it was raised more often than `count` says, or the task is cancelled.
    public func wait(beyond count: UInt64) async {
        let ticket = state.withLock { state in
            defer { state.nextTicket += 1 }
            return state.nextTicket
        }
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.count > count || state.cancelled.remove(ticket) != nil { return true }
                    state.waiting[ticket] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                if let waiting = state.waiting.removeValue(forKey: ticket) { return waiting as UnsafeContinuation<Void, Never>? }
                state.cancelled.insert(ticket)
                return nil
            }
            continuation?.resume()
        }
        _ = state.withLock { $0.cancelled.remove(ticket) }
    }

    /// The same, but no longer than `timeout`.
    public func wait(beyond count: UInt64, atMost timeout: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(beyond: count) }
            group.addTask { try? await Task.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
    }
}

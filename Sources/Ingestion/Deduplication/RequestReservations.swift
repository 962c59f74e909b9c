internal import EventLog
internal import Synchronization

/// The messageIds that one request has reserved, and what became of each. Others that send the same id meanwhile wait here.
final class RequestReservations: Sendable {
    enum Outcome: Equatable, Sendable {
        case stored(partition: Int, offset: Int64)
        /// The write failed; whether it is stored is unknown until a restart.
        case undecided
        /// Nothing was written; the id is free again.
        case released
    }

    struct Reservation: Sendable {
        let event: Int
        let identity: RecordIdentity
    }

    private struct State {
        var number: Int?
        var reservations: [Reservation] = []
        var outcomes: [Int: Outcome]?
        var waiting: [(event: Int, continuation: CheckedContinuation<Outcome, Never>)] = []
    }

    private let state = Mutex(State())

    /// Its number in the deduplicator, once it has reserved anything.
    var number: Int? { state.withLock { $0.number } }
    var reservations: [Reservation] { state.withLock { $0.reservations } }

    func add(_ reservation: Reservation, number: Int) {
        state.withLock { state in
            state.number = number
            state.reservations.append(reservation)
        }
    }

    /// Waits for what becomes of an event of this request.
    func outcome(ofEvent event: Int) async -> Outcome {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> Outcome? in
                if let outcomes = state.outcomes { return outcomes[event] ?? .released }
                state.waiting.append((event, continuation))
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    func finish(_ outcomes: [Int: Outcome]) {
        let waiting = state.withLock { state in
            state.outcomes = outcomes
            defer { state.waiting = [] }
            return state.waiting
        }
        for (event, continuation) in waiting { continuation.resume(returning: outcomes[event] ?? .released) }
    }
}

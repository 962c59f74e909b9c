internal import EventLog
internal import Synchronization

/// The messageIds that one request has reserved, and what became of each. Others that send the same id meanwhile wait here.
package final class RequestReservations: Sendable {
    package enum Outcome: Equatable, Sendable {
        case stored(partition: Int, offset: Int64)
        /// The write failed; whether it is stored is unknown until a restart.
        case undecided
        /// Nothing was written, for another collector has it.
        case storedElsewhere
        /// Nothing was written; the id is free again.
        case released
    }

    struct Reservation: Sendable {
        let event: Int
        let identity: RecordIdentity
        /// Of its entry in the table.
        let arrivalNumber: UInt64
    }

    private struct State {
        var number: Int?
        /// In the order of their events.
        var reservations: [Reservation] = []
        /// One for each reservation, once it is settled.
        var outcomes: [Outcome]?
        var waiting: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Its number in the deduplicator, once it has reserved anything.
    var number: Int? { state.withLock { $0.number } }
    /// That number and all that was reserved; nil for one that has reserved nothing.
    var reserved: (number: Int, [Reservation])? {
        state.withLock { state in state.number.map { ($0, state.reservations) } }
    }
    var isSettled: Bool { state.withLock { $0.outcomes != nil } }

    /// - Parameter reservations: at least one, in the order of their events, which come behind those before.
    func add(_ reservations: [Reservation], number: Int) {
        state.withLock { state in
            precondition(state.reservations.last.map { $0.event < reservations[0].event } ?? true)
            state.number = number
            // Of most requests these are all.
            if state.reservations.isEmpty { state.reservations = reservations } else { state.reservations += reservations }
        }
    }

    /// What became of an event of this request; nil until it is settled, and for one that has reserved nothing.
    func outcome(ofEvent event: Int) -> Outcome? {
        state.withLock { state in
            guard let outcomes = state.outcomes else { return nil }
            var places = state.reservations.indices
            while let middle = places.isEmpty ? nil : (places.lowerBound + places.upperBound) / 2 {
                let found = state.reservations[middle].event
                if found == event { return outcomes[middle] }
                places = found < event ? middle + 1..<places.upperBound : places.lowerBound..<middle
            }
            return nil
        }
    }

    /// Calls `body` when this request is settled, on the thread that settles it; at once where it is already.
    func whenSettled(_ body: @escaping @Sendable () -> Void) {
        let isSettled = state.withLock { state in
            if state.outcomes == nil { state.waiting.append(body) }
            return state.outcomes != nil
        }
        if isSettled { body() }
    }

    /// - Parameter outcomes: one for each reservation, in their order.
    func settle(_ outcomes: [Outcome]) {
        let waiting = state.withLock { state in
            precondition(state.outcomes == nil && outcomes.count == state.reservations.count)
            state.outcomes = outcomes
            defer { state.waiting = [] }
            return state.waiting
        }
        for body in waiting { body() }
    }
}

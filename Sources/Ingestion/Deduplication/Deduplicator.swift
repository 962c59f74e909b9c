package import EventLog
internal import Synchronization

/// Knows every messageId of the window. An id is reserved when its event was decoded and settled when the log has answered.
package final class Deduplicator: Sendable {
    package struct Bounds: Sendable {
        package var windowSeconds: UInt32
        package var entriesMax: Int

        package init(windowSeconds: UInt32 = 24 * 3600, entriesMax: Int = 10_000_000) {
            self.windowSeconds = windowSeconds
            self.entriesMax = entriesMax
        }
    }

    enum Reservation {
        case reserved
        case duplicate(partition: Int, offset: Int64)
        /// Another request, or this one, is writing it.
        case inFlight(RequestReservations, event: Int)
        case undecided
    }

    private struct State: ~Copyable {
        var table: IdentityTable
        var requests: [RequestReservations?] = []
        var freeNumbers: [Int] = []
    }

    private let state: Mutex<State>
    private let bounds: Bounds
    private let steadyNow: (@Sendable () -> UInt32)?

    /// - Parameter steadyNow: seconds since 1970 by a clock that is never set. An id counts as arrived at the later of this and the
    ///   time given, and is forgotten by the earlier, so that a clock that jumps forgets none too early.
    package init(bounds: Bounds, steadyNow: (@Sendable () -> UInt32)? = nil) {
        self.bounds = bounds
        self.steadyNow = steadyNow
        state = Mutex(State(table: IdentityTable(entriesMax: bounds.entriesMax)))
    }

    package var entryCount: Int { state.withLock { $0.table.count } }

    /// How far back duplicates are recognized at the moment, in seconds.
    package func windowSeconds(now: UInt32) -> UInt32 { state.withLock { $0.table.reachSeconds(now: now) } }

    /// The time before which nothing is remembered, in seconds since 1970.
    package func cutoff(now: UInt32) -> UInt32 {
        let now = min(now, steadyNow?() ?? now)
        return now &- min(now, bounds.windowSeconds)
    }

    /// The time that an id which comes `now` is remembered with.
    func arrival(now: UInt32) -> UInt32 { max(now, steadyNow?() ?? now) }

    /// Fills the table with the newest of what the log holds, as if all of it had arrived now in its order.
    ///
    /// - Parameter concurrently: runs a closure for every number below a count and returns when all are done.
    package func restore(
        from log: some IdentitySource, topic: TopicName, partitionCount: Int, now: UInt32,
        concurrently: IdentityTable.Concurrently = { count, body in for number in 0..<count { body(number) } }
    ) throws(LogError) {
        var table = IdentityTable(entriesMax: bounds.entriesMax)
        let restoration = try IdentityRestoration(
            from: log, topic: topic, partitionCount: partitionCount, since: cutoff(now: now))
        try restoration.fill(&table, concurrently: concurrently)
        state.withLock { swap(&$0.table, &table) }
    }

    /// Reserves `identity` for an event of `request`, unless it is known already, and not from before `cutoff`.
    func reserve(
        _ identity: RecordIdentity, for request: RequestReservations, event: Int, arrival: UInt32, cutoff: UInt32
    ) -> Reservation {
        state.withLock { state in
            switch state.table.find(identity, cutoff: cutoff) {
            case .stored(let partition, let offset): return .duplicate(partition: partition, offset: offset)
            case .undecided: return .undecided
            case .pending(let number, let event):
                guard let other = state.requests[number] else { preconditionFailure("a pending id has a request") }
                return .inFlight(other, event: event)
            case nil:
                let number = request.number ?? Self.register(request, &state)
                request.add(.init(event: event, identity: identity), number: number)
                state.table.insert(
                    identity, .pending(request: number, event: event), seconds: arrival, cutoff: cutoff)
                return .reserved
            }
        }
    }

    /// Records what became of each event that `request` has reserved an id for, and tells those who wait.
    func settle(_ request: RequestReservations, _ outcome: (_ event: Int) -> RequestReservations.Outcome) {
        guard let number = request.number else { return }
        let reservations = request.reservations
        let outcomes = reservations.map { outcome($0.event) }
        state.withLock { state in
            for (reservation, outcome) in zip(reservations, outcomes) {
                switch outcome {
                case .stored(let partition, let offset):
                    state.table.update(reservation.identity, .stored(partition: partition, offset: offset))
                case .undecided: state.table.update(reservation.identity, .undecided)
                case .released: state.table.remove(reservation.identity)
                }
            }
            state.requests[number] = nil
            state.freeNumbers.append(number)
        }
        request.settle(outcomes)
    }

    private static func register(_ request: RequestReservations, _ state: inout State) -> Int {
        if let free = state.freeNumbers.popLast() {
            state.requests[free] = request
            return free
        }
        state.requests.append(request)
        return state.requests.count - 1
    }
}

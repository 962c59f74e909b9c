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

    /// So many ids are best reserved at once: the memory of their places is waited for together, while what is known of their events
    /// stays in the nearest cache.
    package static let idsAtOnce = 32

    /// An event's id, and the event's number in its request.
    package struct Wanted: Sendable {
        package let event: Int
        package let identity: RecordIdentity

        package init(event: Int, identity: RecordIdentity) {
            self.event = event
            self.identity = identity
        }
    }

    package enum Reservation: Sendable {
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

    /// How far back duplicates are recognized at the moment, in seconds: the window, or less where as many ids came as are kept.
    package func windowSeconds(now: UInt32) -> UInt32 {
        let now = min(now, steadyNow?() ?? now)
        return state.withLock { state in
            state.table.count < bounds.entriesMax
                ? bounds.windowSeconds : min(bounds.windowSeconds, state.table.reachSeconds(now: now))
        }
    }

    /// The time before which nothing is remembered, in seconds since 1970.
    package func cutoff(now: UInt32) -> UInt32 {
        let now = min(now, steadyNow?() ?? now)
        return now &- min(now, bounds.windowSeconds)
    }

    /// The time that an id which comes `now` is remembered with.
    package func arrival(now: UInt32) -> UInt32 { max(now, steadyNow?() ?? now) }

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

    /// Reserves the ids of some events of `request`, in their order, unless they are known already, and not from before `cutoff`.
    /// Appends what became of each to `results`. One lock for all of them, and one wait for the table's memory.
    package func reserve(
        _ wanted: [Wanted], for request: RequestReservations, arrival: UInt32, cutoff: UInt32,
        into results: inout [Reservation]
    ) {
        state.withLock { state in
            if wanted.count > 1 { for wanted in wanted { state.table.touch(wanted.identity) } }
            var made: [RequestReservations.Reservation] = []
            made.reserveCapacity(wanted.count)
            var number: Int?
            for wanted in wanted {
                switch state.table.find(wanted.identity, cutoff: cutoff) {
                case .stored(let partition, let offset):
                    results.append(.duplicate(partition: partition, offset: offset))
                case .undecided:
                    results.append(.undecided)
                case .pending(let other, let event):
                    guard let other = state.requests[other] else { preconditionFailure("a pending id has a request") }
                    results.append(.inFlight(other, event: event))
                case nil:
                    let known = number ?? request.number ?? Self.register(request, &state)
                    number = known
                    state.table.insert(
                        wanted.identity, .pending(request: known, event: wanted.event), seconds: arrival, cutoff: cutoff)
                    made.append(
                        .init(event: wanted.event, identity: wanted.identity, arrivalNumber: state.table.newest))
                    results.append(.reserved)
                }
            }
            if let number { request.add(made, number: number) }
        }
    }

    /// Records what became of each event that `request` has reserved an id for, and tells those who wait.
    package func settle(_ request: RequestReservations, _ outcome: (_ event: Int) -> RequestReservations.Outcome) {
        guard let (number, reservations) = request.reserved else { return }
        let outcomes = reservations.map { outcome($0.event) }
        state.withLock { state in
            for (reservation, outcome) in zip(reservations, outcomes) {
                switch outcome {
                // Most were reserved a moment ago, one behind the other: no search.
                case .stored(let partition, let offset):
                    state.table.update(number: reservation.arrivalNumber, .stored(partition: partition, offset: offset))
                case .undecided: state.table.update(number: reservation.arrivalNumber, .undecided)
                // Who has it says so again.
                case .released, .storedElsewhere: state.table.remove(reservation.identity)
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

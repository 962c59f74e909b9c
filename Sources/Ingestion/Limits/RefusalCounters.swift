internal import Synchronization

/// What a limit has refused.
package struct Refusals: Sendable, Equatable {
    package var requests = 0
    package var events = 0

    package init(requests: Int = 0, events: Int = 0) {
        self.requests = requests
        self.events = events
    }
}

/// Counts them, on any thread.
struct RefusalCounters: ~Copyable, Sendable {
    private let requests = Atomic<Int>(0)
    private let events = Atomic<Int>(0)

    var refusals: Refusals {
        Refusals(requests: requests.load(ordering: .relaxed), events: events.load(ordering: .relaxed))
    }

    func add(events count: Int) {
        requests.wrappingAdd(1, ordering: .relaxed)
        events.wrappingAdd(count, ordering: .relaxed)
    }
}

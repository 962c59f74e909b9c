import Ingestion
import Synchronization

/// A clock that tests set, in nanoseconds.
final class SetClock: Sendable {
    static let second: UInt64 = 1_000_000_000
    private let time: Atomic<UInt64>

    init(_ time: UInt64 = 0) { self.time = Atomic(time) }

    var now: UInt64 {
        get { time.load(ordering: .relaxed) }
        set { time.store(newValue, ordering: .relaxed) }
    }

    func advance(seconds: Int) { time.wrappingAdd(UInt64(seconds) * Self.second, ordering: .relaxed) }
    func advance(nanoseconds: UInt64) { time.wrappingAdd(nanoseconds, ordering: .relaxed) }
}

extension RateLimiter {
    convenience init(global: Int, addressesMax: Int = 131_072, _ clock: SetClock) {
        self.init(bounds: .init(globalEventsPerSecond: global, addressesMax: addressesMax)) { clock.now }
    }

    func takes(_ events: Int, _ address: IPAddress, _ perAddress: Int) -> Bool {
        take(events, from: address, perAddress: perAddress) == .taken
    }

    /// How many events can be taken one by one; they are taken. A million is more than any test gives.
    func drain(_ address: IPAddress, _ perAddress: Int) -> Int {
        var count = 0
        while count < 1_000_000, takes(1, address, perAddress) { count += 1 }
        return count
    }
}

extension IPAddress {
    static func number(_ number: Int) -> IPAddress { IPAddress(ipv4: UInt32(number)) }
}

/// A bucket as one would draw it: every token is dropped into it one by one, and what is too much is lost.
struct DrawnBucket {
    let eventsPerSecond: Int
    let capacity: Int
    /// Below 0 it owes.
    private(set) var level: Int
    private var fallen: UInt128 = 0

    init(eventsPerSecond: Int, burstSeconds: Int) {
        self.eventsPerSecond = eventsPerSecond
        capacity = eventsPerSecond * burstSeconds
        level = capacity
    }

    mutating func wait(until time: UInt64) {
        // The next falls at (fallen + 1) / eventsPerSecond seconds.
        while (fallen + 1) * 1_000_000_000 <= UInt128(time) * UInt128(eventsPerSecond) {
            fallen += 1
            level = min(level + 1, capacity)
        }
    }

    func has(_ events: Int) -> Bool { level >= events || level == capacity }

    mutating func take(_ events: Int) { level -= events }
}

internal import Synchronization

/// Says how many events may come in: together, and from each client address. Any number of threads may ask at once.
///
/// A request is taken whole or refused whole, by both limits at once. It is counted before its events are looked at, so one that turns out
/// to be invalid throughout has used up what it asked for: reading it was work too.
///
/// **Bursts.** An address's bucket holds 5 seconds of its limit, for a browser sends what has come together in 5 seconds. The bucket for
/// all holds one: browsers do not send at the same moment, and what comes at once must find room in memory and in the log. A request of more
/// than a bucket holds is taken when that is full (`TokenBucket`). At the bucket for all it has to compete for that moment, so a
/// global limit should not be below the number of events that a request may have.
///
/// **Memory.** Only what was taken makes a bucket, and an address needs one until it is full again, which is k/PerIP seconds for k events.
/// So with the defaults at most about 10,700 addresses need one at a time, of 131,072 places: 10,000 by the global burst, one event each, and by
/// what flows in, 100 events every 10 ms, 100 + 100/2 + 100/3 + … To occupy all places for good, somebody would have to get
/// 131,072 · PerIP events per second taken, 13 million, which the global limit or the machine does not let in. Should it happen, those
/// who are limited stay limited, and who finds no place shares a bucket with others (`AddressBucketShard`): part of the rate, never none.
///
/// **Both or neither.** An address's bucket is looked at and changed under its shard's lock. Between the two the global one is taken from,
/// by one compare-exchange: where that fails nothing has been changed, and after it nothing can fail.
package final class RateLimiter: Sendable {
    package struct Bounds: Sendable {
        /// Of all clients together; 0: no limit.
        package var globalEventsPerSecond: Int
        /// Buckets that are kept for addresses; each has 24 bytes, and 16 of them a shared one of 32. So they take 3.4 MB from the start.
        package var addressesMax: Int

        package init(globalEventsPerSecond: Int = 10_000, addressesMax: Int = 131_072) {
            precondition((0...TokenBucket.eventsPerSecondMax).contains(globalEventsPerSecond))
            precondition((AddressBucketShard.placesPerSet...(1 << 24)).contains(addressesMax))
            self.globalEventsPerSecond = globalEventsPerSecond
            self.addressesMax = addressesMax
        }
    }

    /// Its raw value is what metrics call it.
    package enum Limit: String, Sendable, CaseIterable {
        case global
        case perIP = "per_ip"
    }

    package enum Decision: Sendable, Equatable {
        case taken
        /// By the limit that makes it wait longer. After so many seconds, and no whole number less, the same request would be taken
        /// if nothing else were.
        case refused(limit: Limit, retryAfterSeconds: Int)
    }

    private final class Part: Sendable {
        let shard: Mutex<AddressBucketShard>

        init(_ shard: consuming AddressBucketShard) { self.shard = Mutex(shard) }
    }

    private static let globalBurstSeconds = 1
    private static let setsPerShard = 32
    private static let second: UInt64 = 1_000_000_000

    private let global: TokenBucket?
    private let globalFullAt = Atomic<UInt64>(0)
    private let setCount: Int
    private let parts: [Part]
    private let globalRefusals = RefusalCounters()
    private let perIPRefusals = RefusalCounters()
    private let clock: @Sendable () -> UInt64

    /// - Parameter clock: nanoseconds by a clock that is never set.
    package init(bounds: Bounds = Bounds(), clock: @escaping @Sendable () -> UInt64) {
        global =
            bounds.globalEventsPerSecond == 0
            ? nil : TokenBucket(eventsPerSecond: bounds.globalEventsPerSecond, burstSeconds: Self.globalBurstSeconds)
        let setCount = bounds.addressesMax / AddressBucketShard.placesPerSet
        self.setCount = setCount
        parts = stride(from: 0, to: setCount, by: Self.setsPerShard).map {
            Part(AddressBucketShard(sets: $0..<min($0 + Self.setsPerShard, setCount)))
        }
        self.clock = clock
    }

    /// Takes a request of so many events, or refuses it.
    ///
    /// - Parameter perAddress: events per second that one address may send with the write key in use; 0: no limit.
    package func take(_ events: Int, from address: IPAddress, perAddress: Int) -> Decision {
        precondition(events >= 0)
        precondition(perAddress >= 0)
        guard events > 0 else { return .taken }
        let count = UInt64(UInt32(clamping: events))
        let time = now()
        guard perAddress > 0 else {
            return takeGlobal(count, at: time) ? .taken : refusal(of: count, time: time, addressUntil: 0)
        }
        let key = AddressBucketKey(address, eventsPerSecond: perAddress)
        let set = key.setNumber(of: setCount)
        let outcome = parts[set / Self.setsPerShard].shard.withLock {
            $0.take(count, from: key, in: set, at: time) { takeGlobal(count, at: $0) }
        }
        switch outcome {
        case .taken: return .taken
        case .refused(let time, let until): return refusal(of: count, time: time, addressUntil: until)
        }
    }

    /// Relaxed throughout: the number stands for itself and tells of no other memory.
    private func takeGlobal(_ events: UInt64, at time: UInt64) -> Bool {
        guard let global else { return true }
        let now = global.fallen(by: time)
        var fullAt = globalFullAt.load(ordering: .relaxed)
        while let taken = global.taking(events, fullAt: fullAt, now: now) {
            let (isTaken, found) = globalFullAt.weakCompareExchange(expected: fullAt, desired: taken, ordering: .relaxed)
            if isTaken { return true }
            fullAt = found
        }
        return false
    }

    private func refusal(of events: UInt64, time: UInt64, addressUntil: UInt64) -> Decision {
        let globalUntil = global?.time(ofTaking: events, fullAt: globalFullAt.load(ordering: .relaxed)) ?? 0
        let limit = globalUntil > addressUntil ? Limit.global : .perIP
        switch limit {
        case .global: globalRefusals.add(events: Int(events))
        case .perIP: perIPRefusals.add(events: Int(events))
        }
        // Whichever refused it is later than now; the global bucket can only have been taken from since.
        let wait = max(globalUntil, addressUntil) - time
        return .refused(limit: limit, retryAfterSeconds: Int((wait + Self.second - 1) / Self.second))
    }

    private func now() -> UInt64 { min(clock(), TokenBucket.timeMax) }
}

extension RateLimiter {
    /// What one limit has refused.
    package func refusals(by limit: Limit) -> Refusals {
        switch limit {
        case .global: globalRefusals.refusals
        case .perIP: perIPRefusals.refusals
        }
    }

    /// How many addresses have a bucket that is not full, which is never above `addressesMax`. Counts them, 512 behind a lock at a time.
    package var addressCount: Int {
        let time = now()
        return parts.reduce(0) { sum, part in sum + part.shard.withLock { $0.bucketCount(at: time) } }
    }

    /// How many requests found no place for their address and met a bucket that addresses share. Anything but 0 is an attack, or
    /// `addressesMax` is too small for the limits.
    package var sharedRequests: Int {
        parts.reduce(0) { sum, part in sum + part.shard.withLock { $0.sharedRequests } }
    }

    /// For tests.
    package func checkInvariants() {
        for part in parts { part.shard.withLock { $0.checkInvariants(setCount: setCount) } }
    }
}

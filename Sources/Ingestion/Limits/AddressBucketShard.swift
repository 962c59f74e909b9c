/// The part of the addresses' buckets that is behind one lock.
///
/// It is made of sets of 16 places, and an address's bucket can stand in any place of its set. A bucket that is full is as good as none,
/// so its place is free for another, and that is the only way in which a bucket leaves. Whoever finds 16 others' buckets in its set, none
/// of them full, takes from the bucket that the set has for all of those.
///
/// Invariants:
/// 1. A key is in no more than one place, and that is in its set.
/// 2. A bucket that is not full stays, whoever comes: asking from more addresses gives nobody a new one.
/// 3. A take looks at one set and asks for no memory.
/// 4. Time does not go back: a thread that was held up after it had looked at the clock counts as one that looked at it just now.
///    Otherwise it could find a bucket gone that was full later.
package struct AddressBucketShard: ~Copyable {
    static let placesPerSet = 16

    enum Outcome {
        case taken
        /// Its bucket would take the request at `until`, nanoseconds of the clock, which may be before `time`, the time now.
        case refused(time: UInt64, until: UInt64)
    }

    /// 24 bytes.
    private struct Place {
        var key = AddressBucketKey()
        var fullAt: UInt64 = 0

        func isFull(at time: UInt64) -> Bool { key.isNobody || fullAt <= key.bucket.fallen(by: time) }
    }

    /// What those share who find no place.
    private struct SharedBucket {
        var arithmetic: TokenBucket?
        var fullAt: UInt64 = 0

        /// Its `fullAt` by the arithmetic of `other`: where that has another limit, it is full at the same time, or a token later.
        func fullAt(for other: TokenBucket) -> UInt64 {
            guard let arithmetic else { return 0 }
            if arithmetic.eventsPerSecond == other.eventsPerSecond { return fullAt }
            return other.fallen(by: arithmetic.time(of: fullAt)) + 1
        }
    }

    private let firstSet: Int
    private var places: [Place]
    private var shared: [SharedBucket]
    private var newestTime: UInt64 = 0
    /// How many requests have met a shared bucket.
    private(set) var sharedRequests = 0

    init(sets: Range<Int>) {
        firstSet = sets.lowerBound
        places = Array(repeating: Place(), count: sets.count * Self.placesPerSet)
        shared = Array(repeating: SharedBucket(), count: sets.count)
    }

    /// Takes `events` from the bucket of `key`, which belongs in `set`, if they are there, and if then `takeElsewhere` takes them too.
    mutating func take(
        _ events: UInt64, from key: AddressBucketKey, in set: Int, at time: UInt64, takeElsewhere: (_ time: UInt64) -> Bool
    ) -> Outcome {
        newestTime = max(newestTime, time)
        let time = newestTime
        let bucket = key.bucket
        let set = set - firstSet
        let place = place(of: key, in: set, at: time)
        let fullAt: UInt64
        if let place {
            fullAt = places[place].key == key ? places[place].fullAt : 0
        } else {
            fullAt = shared[set].fullAt(for: bucket)
            sharedRequests += 1
        }
        guard let taken = bucket.taking(events, fullAt: fullAt, now: bucket.fallen(by: time)), takeElsewhere(time) else {
            var until = bucket.time(ofTaking: events, fullAt: fullAt)
            if place == nil { until = min(until, timeOfRoom(in: set)) }
            return .refused(time: time, until: until)
        }
        if let place {
            places[place] = Place(key: key, fullAt: taken)
        } else {
            shared[set] = SharedBucket(arithmetic: bucket, fullAt: taken)
        }
        return .taken
    }

    /// Where the bucket of `key` is; where it is not there, where it may be put; nil where there is no room.
    private func place(of key: AddressBucketKey, in set: Int, at time: UInt64) -> Int? {
        let range = places(of: set)
        for place in range where places[place].key == key { return place }
        for place in range where places[place].isFull(at: time) { return place }
        return nil
    }

    /// When the first bucket of a set is full, and leaves its place.
    private func timeOfRoom(in set: Int) -> UInt64 {
        places[places(of: set)].reduce(.max) { min($0, $1.key.bucket.time(of: $1.fullAt)) }
    }

    private func places(of set: Int) -> Range<Int> { set * Self.placesPerSet..<(set + 1) * Self.placesPerSet }

    /// How many buckets are not full.
    func bucketCount(at time: UInt64) -> Int {
        let time = max(time, newestTime)
        return places.count { !$0.isFull(at: time) }
    }

    /// For tests.
    func checkInvariants(setCount: Int) {
        var keys: Set<AddressBucketKey> = []
        for (place, entry) in places.enumerated() where !entry.key.isNobody {
            precondition(keys.insert(entry.key).inserted, "invariant 1")
            precondition(entry.key.setNumber(of: setCount) == firstSet + place / Self.placesPerSet, "invariant 1")
        }
    }
}

internal import EventModel

/// A part of the cache, bounded by entries and by bytes. Evicts as SIEVE does (Zhang et al., NSDI 2024): entries stand in the order
/// in which they came, a hit only marks its entry, and a hand goes from the oldest to the newest, takes the marks away and evicts
/// the first entry that has none. What was asked for again is left behind by the hand and stays until the hand has gone all the way, so
/// a flood of strings that come once evicts nothing but itself. A hit moves nothing.
///
/// Invariants:
/// 1. `numbers` has the hash of every live entry, with the entry's number, and nothing else.
/// 2. From `oldest` over `newer` to `newest`, and back over `older`, every live entry comes exactly once.
/// 3. `byteCount` is the sum over the live entries, and neither it nor their number is above its bound.
/// 4. The hand is at a live entry, or nowhere: then it starts at the oldest.
package struct UserAgentCacheShard: ~Copyable {
    private struct Entry {
        var facts: UserAgentFacts?
        var hash = 0
        var older = none
        var newer = none
        var isMarked = false
    }

    private static let none: Int32 = -1

    let entriesMax: Int
    let bytesMax: Int
    private(set) var byteCount = 0
    private(set) var hits = 0
    private(set) var misses = 0
    private(set) var evictions = 0

    private var entries: [Entry] = []
    private var free: [Int32] = []
    private var numbers: [Int: Int32] = [:]
    private var oldest = none
    private var newest = none
    private var hand = none

    package init(entriesMax: Int, bytesMax: Int) {
        precondition(entriesMax > 0 && entriesMax < Int32.max)
        self.entriesMax = entriesMax
        self.bytesMax = bytesMax
    }

    package var count: Int { numbers.count }

    /// What is known of `userAgent`, whose hash is given; counts as a hit or a miss.
    package mutating func find(_ userAgent: UnsafeRawBufferPointer, hash: Int) -> UserAgentFacts? {
        guard let number = numbers[hash], let facts = entries[Int(number)].facts, facts.isOf(userAgent) else {
            misses += 1
            return nil
        }
        hits += 1
        if !entries[Int(number)].isMarked { entries[Int(number)].isMarked = true }
        return facts
    }

    /// Adds what was not found. Another thread may have added it meanwhile, or another string may have the same hash: then it takes
    /// the place of that.
    package mutating func insert(_ facts: UserAgentFacts, hash: Int) {
        guard facts.byteCount <= bytesMax else { return }
        if let number = numbers[hash] { remove(number) }
        while numbers.count >= entriesMax || byteCount + facts.byteCount > bytesMax { evict() }
        let number = free.popLast() ?? Int32(entries.count)
        if Int(number) == entries.count { entries.append(Entry()) }
        entries[Int(number)] = Entry(facts: facts, hash: hash, older: newest)
        if newest == Self.none { oldest = number } else { entries[Int(newest)].newer = number }
        newest = number
        numbers[hash] = number
        byteCount += facts.byteCount
    }

    private mutating func evict() {
        var number = hand == Self.none ? oldest : hand
        while entries[Int(number)].isMarked {
            entries[Int(number)].isMarked = false
            let next = entries[Int(number)].newer
            number = next == Self.none ? oldest : next
        }
        hand = number
        remove(number)
        evictions += 1
    }

    private mutating func remove(_ number: Int32) {
        let entry = entries[Int(number)]
        guard let facts = entry.facts else { preconditionFailure("invariant 2") }
        if hand == number { hand = entry.newer }
        if entry.older == Self.none { oldest = entry.newer } else { entries[Int(entry.older)].newer = entry.newer }
        if entry.newer == Self.none { newest = entry.older } else { entries[Int(entry.newer)].older = entry.older }
        numbers[entry.hash] = nil
        byteCount -= facts.byteCount
        entries[Int(number)] = Entry()
        free.append(number)
    }

    /// For tests.
    package func checkInvariants() {
        var (number, previous, live, bytes) = (oldest, Self.none, 0, 0)
        while number != Self.none {
            let entry = entries[Int(number)]
            guard let facts = entry.facts else { preconditionFailure("invariant 2") }
            precondition(entry.older == previous, "invariant 2")
            precondition(numbers[entry.hash] == number, "invariant 1")
            live += 1
            bytes += facts.byteCount
            (previous, number) = (number, entry.newer)
        }
        precondition(newest == previous, "invariant 2")
        precondition(live == numbers.count, "invariant 1")
        precondition(bytes == byteCount, "invariant 3")
        precondition(live <= entriesMax && bytes <= bytesMax, "invariant 3")
        precondition(hand == Self.none || entries[Int(hand)].facts != nil, "invariant 4")
    }
}

extension UserAgentFacts {
    fileprivate func isOf(_ other: UnsafeRawBufferPointer) -> Bool {
        userAgent.withUnsafeBytes { $0.holdsSameBytes(as: other) }
    }
}

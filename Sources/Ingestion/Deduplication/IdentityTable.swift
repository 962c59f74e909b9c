package import EventLog

/// The messageIds of the window: which are stored where, which are being written, which failed undecided.
///
/// Owns: entries of 24 bytes in order of arrival (so the oldest leave first), and a hash index over them of 8 bytes a slot, in
/// 64 shards that grow one by one, so that no growth takes long.
/// Invariants:
/// 1. Every live entry has exactly one slot; a dead one has none.
/// 2. Arrival numbers of live entries are at least `entries.oldest` and below `entries.next`.
/// 3. An entry that is being written leaves only by `settle`.
package struct IdentityTable: ~Copyable, @unchecked Sendable {
    // Sendable: the memory is reachable through this one value only, and a noncopyable value is in one place at a time.

    package enum Standing: Equatable, Sendable {
        case stored(partition: Int, offset: Int64)
        /// Being written by the request with this number, as its event with this number.
        case pending(request: Int, event: Int)
        /// Its write failed; only a restart can tell whether it is stored.
        case undecided
    }

    package struct Entry: Sendable {
        let identity: RecordIdentity
        let seconds: UInt32
        var location: UInt64

        init(identity: RecordIdentity, _ standing: Standing, seconds: UInt32) {
            self.identity = identity
            self.seconds = seconds
            location = Location.encode(standing)
        }
    }

    var shards = (0..<IdentitySlots.shardCount).map { _ in IdentitySlots() }
    var entries = IdentityEntries()
    package internal(set) var count = 0
    let entriesMax: Int
    /// Of no meaning; the optimizer would leave out loads that lead nowhere.
    private var touched: UInt64 = 0

    package init(entriesMax: Int) { self.entriesMax = entriesMax }

    deinit {
        for shard in shards { shard.deallocate() }
        entries.deallocate()
    }

    /// Entries in memory, dead ones included.
    package var span: Int { Int(entries.next - entries.oldest) }

    /// How many seconds the window reaches back from `now` at the moment.
    package func reachSeconds(now: UInt32) -> UInt32 {
        entries.isEmpty ? 0 : now &- min(now, entries[entries.oldest].pointee.seconds)
    }

    /// What is known of `identity`, unless it is older than `cutoff`.
    package func find(_ identity: RecordIdentity, cutoff: UInt32) -> Standing? {
        guard let (_, number) = slot(of: identity) else { return nil }
        let entry = entries[number].pointee
        let standing = Location.standing(entry.location)
        // What is being written is known however long that takes.
        if case .pending = standing { return standing }
        return entry.seconds < cutoff ? nil : standing
    }

    /// Adds an identity that `find` does not know, and lets up to four of the oldest go that are beyond the bounds.
    package mutating func insert(_ identity: RecordIdentity, _ standing: Standing, seconds: UInt32, cutoff: UInt32) {
        // One that is too old to count may still be there.
        if let (place, number) = slot(of: identity) { kill(number, slot: place) }
        let slot = IdentitySlots.slot(identity, number: entries.next)
        entries.append(Entry(identity: identity, standing, seconds: seconds))
        let shard = IdentitySlots.shard(of: identity)
        shards[shard].reserve(1)
        shards[shard].put(slot, at: shards[shard].place(of: slot) { _ in false }.place)
        count += 1
        for _ in 0..<4 where !evictOldest(cutoff: cutoff) { break }
    }

    /// Changes what is known of an identity that is there.
    package mutating func update(_ identity: RecordIdentity, _ standing: Standing) {
        guard let (_, number) = slot(of: identity) else { return }
        entries[number].pointee.location = Location.encode(standing)
    }

    /// The arrival number of the entry that was inserted last.
    var newest: UInt64 { entries.next - 1 }

    /// Changes what is known of an entry that is being written, which stays in its place until then.
    mutating func update(number: UInt64, _ standing: Standing) {
        precondition(number >= entries.oldest && number < entries.next, "invariant 3")
        entries[number].pointee.location = Location.encode(standing)
    }

    /// Brings the slot where `find` begins to look into the cache. Called for several identities first, their loads do not wait
    /// for each other, as those of searches one after the other would.
    mutating func touch(_ identity: RecordIdentity) {
        touched ^= shards[IdentitySlots.shard(of: identity)].atHome(IdentitySlots.slot(identity))
    }

    package mutating func remove(_ identity: RecordIdentity) {
        guard let (place, number) = slot(of: identity) else { return }
        kill(number, slot: place)
        // The newest dead entries are given back at once, so that ids that come and go take no memory.
        while !entries.isEmpty, entries[entries.next - 1].pointee.location == Location.dead { entries.removeNewest() }
    }

    /// Lets the oldest entry go if it is dead, too old or one too many; false where there is nothing to do.
    private mutating func evictOldest(cutoff: UInt32) -> Bool {
        guard !entries.isEmpty else { return false }
        let entry = entries[entries.oldest].pointee
        if entry.location != Location.dead {
            guard count > entriesMax || entry.seconds < cutoff else { return false }
            if case .pending = Location.standing(entry.location) { return false }
            guard let (place, number) = slot(of: entry.identity), number == entries.oldest else {
                preconditionFailure("invariant 1")
            }
            kill(number, slot: place)
        }
        entries.removeOldest()
        return true
    }

    private mutating func kill(_ number: UInt64, slot place: Int) {
        shards[IdentitySlots.shard(of: entries[number].pointee.identity)].remove(at: place)
        entries[number].pointee.location = Location.dead
        count -= 1
    }

    private func slot(of identity: RecordIdentity) -> (place: Int, number: UInt64)? {
        let shard = shards[IdentitySlots.shard(of: identity)]
        let (place, isThere) = shard.place(of: IdentitySlots.slot(identity)) { slot in
            entries[entries.number(ofSlot: slot)].pointee.identity == identity
        }
        return isThere ? (place, entries.number(ofSlot: shard[place])) : nil
    }

    /// An entry's last 8 bytes: partition (15 bits) and offset (48), or one of the marks with the top bit set.
    enum Location {
        static let dead = UInt64.max - 1
        static let undecided = UInt64.max
        static let pendingBit: UInt64 = 1 << 63

        static func encode(_ standing: Standing) -> UInt64 {
            switch standing {
            case .stored(let partition, let offset):
                precondition((0..<1 << 15).contains(partition) && (0..<1 << 48).contains(offset))
                return UInt64(partition) << 48 | UInt64(offset)
            case .pending(let request, let event):
                precondition((0..<1 << 32).contains(request) && (0..<1 << 16).contains(event))
                return pendingBit | UInt64(request) << 16 | UInt64(event)
            case .undecided: return undecided
            }
        }

        static func standing(_ location: UInt64) -> Standing {
            if location == undecided { return .undecided }
            if location & pendingBit != 0 {
                return .pending(request: Int(location >> 16 & 0xFFFF_FFFF), event: Int(location & 0xFFFF))
            }
            return .stored(partition: Int(location >> 48), offset: Int64(location & 0xFFFF_FFFF_FFFF))
        }
    }
}

package import EventLog

/// The messageIds of the window: which are stored where, which are being written, which failed undecided.
///
/// Owns: entries of 24 bytes in order of arrival (so the oldest leave first), and a hash index over them of 8 bytes a slot, in
/// 64 shards that grow one by one, so that no growth takes long.
/// Invariants:
/// 1. Every live entry has exactly one slot; a dead one has none.
/// 2. Arrival numbers of live entries are at least `oldest` and below `next`.
/// 3. An entry that is being written leaves only by `settle`.
package struct IdentityTable: ~Copyable {
    package enum Standing: Equatable, Sendable {
        case stored(partition: Int, offset: Int64)
        /// Being written by the request with this number, as its event with this number.
        case pending(request: Int, event: Int)
        /// Its write failed; only a restart can tell whether it is stored.
        case undecided
    }

    private struct Entry {
        var high: UInt64
        var lowHalf: UInt32
        var seconds: UInt32
        var location: UInt64
    }

    private struct Shard {
        var slots: UnsafeMutablePointer<UInt64>
        var mask: UInt64
        var used = 0
    }

    private static let chunkEntries = 4096
    private static let shardCount = 64
    private static let shardSlotsMin = 64

    private var shards: [Shard]
    private var chunks: [UnsafeMutablePointer<Entry>] = []
    /// Chunks in `chunks` before this one are gone.
    private var firstChunk = 0
    private var numberOfFirstChunk: UInt64 = 0
    private var oldest: UInt64 = 0
    private var next: UInt64 = 0
    package private(set) var count = 0
    private let entriesMax: Int
    /// Of no meaning; the optimizer would leave out loads that lead nowhere.
    private var touched: UInt64 = 0

    package init(entriesMax: Int) {
        self.entriesMax = entriesMax
        shards = (0..<Self.shardCount).map { _ in Self.emptyShard(slotCount: Self.shardSlotsMin) }
    }

    deinit {
        for shard in shards { shard.slots.deallocate() }
        for chunk in chunks[firstChunk...] { chunk.deallocate() }
    }

    /// Entries in memory, dead ones included.
    package var span: Int { Int(next - oldest) }

    /// How many seconds the window reaches back from `now` at the moment.
    package func reachSeconds(now: UInt32) -> UInt32 { oldest == next ? 0 : now &- min(now, entry(oldest).pointee.seconds) }

    /// What is known of `identity`, unless it is older than `cutoff`.
    package func find(_ identity: RecordIdentity, cutoff: UInt32) -> Standing? {
        guard let (_, number) = slot(of: identity) else { return nil }
        let entry = entry(number).pointee
        let standing = Location.standing(entry.location)
        // What is being written is known however long that takes.
        if case .pending = standing { return standing }
        return entry.seconds < cutoff ? nil : standing
    }

    /// Adds an identity that `find` does not know, and lets up to four of the oldest go that are beyond the bounds.
    package mutating func insert(_ identity: RecordIdentity, _ standing: Standing, seconds: UInt32, cutoff: UInt32) {
        // One that is too old to count may still be there.
        if let (place, number) = slot(of: identity) { kill(number, slot: place, shard: Self.shard(of: identity)) }
        if next - numberOfFirstChunk == UInt64((chunks.count - firstChunk) * Self.chunkEntries) {
            chunks.append(.allocate(capacity: Self.chunkEntries))
        }
        entry(next).initialize(
            to: Entry(
                high: identity.high, lowHalf: Self.lowHalf(identity), seconds: seconds,
                location: Location.encode(standing)))
        addSlot(identity.high, Self.tag(identity), next)
        next += 1
        count += 1
        for _ in 0..<4 where !evictOldest(cutoff: cutoff) { break }
    }

    /// Changes what is known of an identity that is there.
    package mutating func update(_ identity: RecordIdentity, _ standing: Standing) {
        guard let (_, number) = slot(of: identity) else { return }
        entry(number).pointee.location = Location.encode(standing)
    }

    /// The arrival number of the entry that was inserted last.
    var newest: UInt64 { next - 1 }

    /// Changes what is known of an entry that is being written, which stays in its place until then.
    mutating func update(number: UInt64, _ standing: Standing) {
        precondition(number >= oldest && number < next, "invariant 3")
        entry(number).pointee.location = Location.encode(standing)
    }

    /// Brings the slot where `find` begins to look into the cache. Called for several identities first, their loads do not wait
    /// for each other, as those of searches one after the other would.
    mutating func touch(_ identity: RecordIdentity) {
        let shard = shards[Self.shard(of: identity)]
        touched ^= shard.slots[Int(identity.high & shard.mask)]
    }

    package mutating func remove(_ identity: RecordIdentity) {
        guard let (place, number) = slot(of: identity) else { return }
        kill(number, slot: place, shard: Self.shard(of: identity))
        // The newest dead entries are given back at once, so that ids that come and go take no memory.
        while next > oldest, entry(next - 1).pointee.location == Location.dead { next -= 1 }
    }

    // MARK: Entries

    private func entry(_ number: UInt64) -> UnsafeMutablePointer<Entry> {
        let place = Int(number - numberOfFirstChunk)
        return chunks[firstChunk + place / Self.chunkEntries] + place % Self.chunkEntries
    }

    /// Lets the oldest entry go if it is dead, too old or one too many; false where there is nothing to do.
    private mutating func evictOldest(cutoff: UInt32) -> Bool {
        guard oldest < next else { return false }
        let entry = entry(oldest).pointee
        if entry.location != Location.dead {
            guard count > entriesMax || entry.seconds < cutoff else { return false }
            if case .pending = Location.standing(entry.location) { return false }
            // Its identity's lower half is known by half only, but its slot is found by its arrival number.
            let shard = Int(entry.high >> 58)
            guard let place = slot(inShard: shard, high: entry.high, number: oldest) else {
                preconditionFailure("invariant 1")
            }
            kill(oldest, slot: place, shard: shard)
        }
        oldest += 1
        if (oldest - numberOfFirstChunk) == UInt64(Self.chunkEntries) {
            chunks[firstChunk].deallocate()
            firstChunk += 1
            numberOfFirstChunk += UInt64(Self.chunkEntries)
            if firstChunk > 64 && firstChunk * 2 > chunks.count {
                chunks.removeFirst(firstChunk)
                firstChunk = 0
            }
        }
        return true
    }

    private mutating func kill(_ number: UInt64, slot place: UInt64, shard: Int) {
        entry(number).pointee.location = Location.dead
        removeSlot(place, shard: shard)
        count -= 1
    }

    // MARK: Slots: tag in the upper half, arrival number modulo 2^32 in the lower; 0 is empty

    private static func shard(of identity: RecordIdentity) -> Int { Int(identity.high >> 58) }
    private static func tag(_ identity: RecordIdentity) -> UInt64 { (identity.low & 0xFFFF_FFFF | 1) << 32 }
    private static func lowHalf(_ identity: RecordIdentity) -> UInt32 { UInt32(identity.low >> 32) }

    private func number(_ slot: UInt64) -> UInt64 {
        let offset = UInt32(truncatingIfNeeded: slot) &- UInt32(truncatingIfNeeded: numberOfFirstChunk)
        return numberOfFirstChunk + UInt64(offset)
    }

    private func slot(of identity: RecordIdentity) -> (place: UInt64, number: UInt64)? {
        let shard = shards[Self.shard(of: identity)]
        let tag = Self.tag(identity)
        var place = identity.high & shard.mask
        while true {
            let slot = shard.slots[Int(place)]
            if slot == 0 { return nil }
            if slot & 0xFFFF_FFFF_0000_0000 == tag {
                let number = number(slot)
                let found = entry(number).pointee
                if found.high == identity.high && found.lowHalf == Self.lowHalf(identity) { return (place, number) }
            }
            place = (place &+ 1) & shard.mask
        }
    }

    private func slot(inShard number: Int, high: UInt64, number wanted: UInt64) -> UInt64? {
        let shard = shards[number]
        var place = high & shard.mask
        while true {
            let slot = shard.slots[Int(place)]
            if slot == 0 { return nil }
            if self.number(slot) == wanted { return place }
            place = (place &+ 1) & shard.mask
        }
    }

    private mutating func addSlot(_ high: UInt64, _ tag: UInt64, _ number: UInt64) {
        let shardNumber = Int(high >> 58)
        // At most 5/8 full, so that a search for what is not there ends soon.
        if UInt64(shards[shardNumber].used + 1) * 8 > (shards[shardNumber].mask + 1) * 5 { growShard(shardNumber) }
        Self.put(tag | (number & 0xFFFF_FFFF), high, &shards[shardNumber])
        shards[shardNumber].used += 1
    }

    private static func put(_ slot: UInt64, _ high: UInt64, _ shard: inout Shard) {
        var place = high & shard.mask
        while shard.slots[Int(place)] != 0 { place = (place &+ 1) & shard.mask }
        shard.slots[Int(place)] = slot
    }

    private mutating func growShard(_ number: Int) {
        let old = shards[number]
        var larger = Self.emptyShard(slotCount: Int(old.mask + 1) * 2)
        larger.used = old.used
        for place in 0...Int(old.mask) where old.slots[place] != 0 {
            Self.put(old.slots[place], entry(self.number(old.slots[place])).pointee.high, &larger)
        }
        old.slots.deallocate()
        shards[number] = larger
    }

    /// Empties a slot and moves back those behind it that would no longer be found.
    private mutating func removeSlot(_ place: UInt64, shard number: Int) {
        let shard = shards[number]
        var hole = place
        var probe = (place &+ 1) & shard.mask
        while shard.slots[Int(probe)] != 0 {
            let home = entry(self.number(shard.slots[Int(probe)])).pointee.high & shard.mask
            // May move only if its home is not behind the hole (cyclically).
            if (probe &- home) & shard.mask >= (probe &- hole) & shard.mask {
                shard.slots[Int(hole)] = shard.slots[Int(probe)]
                hole = probe
            }
            probe = (probe &+ 1) & shard.mask
        }
        shard.slots[Int(hole)] = 0
        shards[number].used -= 1
    }

    private static func emptyShard(slotCount: Int) -> Shard {
        let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: slotCount)
        slots.initialize(repeating: 0, count: slotCount)
        return Shard(slots: slots, mask: UInt64(slotCount - 1))
    }

    /// An entry's last 8 bytes: partition (15 bits) and offset (48), or one of the marks with the top bit set.
    private enum Location {
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

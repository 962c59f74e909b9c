internal import EventLog

/// A shard of an `IdentityTable`'s hash index, with open addressing. A slot has the lower 32 bits of the identity (of which the last
/// is taken as 1, for a slot that is 0 is empty) above, and its entry's arrival number modulo 2^32 below. So it says itself where it
/// belongs, and growing touches no entry.
///
/// A copy has the same memory, which is the table's.
struct IdentitySlots {
    static let shardCount = 64
    private static let slotsMin = 64

    private var slots: UnsafeMutablePointer<UInt64>
    private var mask: UInt64
    private var used = 0

    init() { self.init(slotCount: Self.slotsMin) }

    private init(slotCount: Int) {
        slots = .allocate(capacity: slotCount)
        slots.initialize(repeating: 0, count: slotCount)
        mask = UInt64(slotCount - 1)
    }

    func deallocate() { slots.deallocate() }

    /// The shard that an identity belongs to.
    static func shard(of identity: RecordIdentity) -> Int { Int(identity.high >> 58) }

    static func slot(_ identity: RecordIdentity, number: UInt64 = 0) -> UInt64 {
        UInt64(identity.low | 1) << 32 | (number & 0xFFFF_FFFF)
    }

    /// Where a slot goes where nothing is in its way.
    private func home(_ slot: UInt64) -> UInt64 { (slot >> 33) & mask }

    subscript(place: Int) -> UInt64 { slots[place] }

    /// What stands at the home of `wanted`.
    func atHome(_ wanted: UInt64) -> UInt64 { slots[Int(home(wanted))] }

    /// Where the slot is that has the identity's bits of `wanted` and for which `isIt` holds; or, where there is none, the empty
    /// place that it would take.
    @inline(__always)
    func place(of wanted: UInt64, where isIt: (_ slot: UInt64) -> Bool) -> (place: Int, isThere: Bool) {
        var place = home(wanted)
        while true {
            let slot = slots[Int(place)]
            if slot == 0 { return (Int(place), false) }
            if (slot ^ wanted) >> 32 == 0, isIt(slot) { return (Int(place), true) }
            place = (place &+ 1) & mask
        }
    }

    /// Makes room for `count` more: at most 5/8 full, so that a search for what is not there ends soon.
    mutating func reserve(_ count: Int) {
        var slotCount = Int(mask) + 1
        while (used + count) * 8 > slotCount * 5 { slotCount *= 2 }
        if slotCount == Int(mask) + 1 { return }
        var larger = IdentitySlots(slotCount: slotCount)
        for place in 0...Int(mask) where slots[place] != 0 {
            let slot = slots[place]
            larger.put(slot, at: larger.place(of: slot) { _ in false }.place)
        }
        slots.deallocate()
        self = larger
    }

    /// Fills a place that `place(of:)` has found empty, where room was made.
    mutating func put(_ slot: UInt64, at place: Int) {
        slots[place] = slot
        used += 1
    }

    /// Puts another slot of the same identity in a place.
    mutating func replace(at place: Int, by slot: UInt64) { slots[place] = slot }

    /// Empties a place and moves back those behind it that would no longer be found.
    mutating func remove(at place: Int) {
        var hole = UInt64(place)
        var probe = (hole &+ 1) & mask
        while slots[Int(probe)] != 0 {
            // May move only if its home is not behind the hole (cyclically).
            if (probe &- home(slots[Int(probe)])) & mask >= (probe &- hole) & mask {
                slots[Int(hole)] = slots[Int(probe)]
                hole = probe
            }
            probe = (probe &+ 1) & mask
        }
        slots[Int(hole)] = 0
        used -= 1
    }
}

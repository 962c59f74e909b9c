package import EventLog
internal import Synchronization

extension IdentityTable.Entry {
    /// That of a record in the log.
    package init(_ record: StoredIdentity, partition: Int) {
        self.init(
            identity: record.identity, .stored(partition: partition, offset: record.offset.value),
            seconds: record.timestampSeconds)
    }
}

// Ten million slots lie all over 128 MiB: one waits longer for each than it takes to do everything else. So identities that come in
// bulk are sorted by their shard, whose slots are then read all at once, and shards are filled on several threads.
extension IdentityTable {
    /// Runs a closure for every number below a count, in parallel where it can, and returns when all are done.
    package typealias Concurrently = (Int, @escaping @Sendable (Int) -> Void) -> Void

    /// How many may be added at most.
    package var room: Int { max(0, entriesMax - count) }

    /// Adds identities that have arrived before all that are there, the last of them first. What is known already stays as it is.
    package mutating func prepend(_ arrived: [Entry], concurrently: Concurrently) {
        precondition(arrived.count <= room)
        let end = entries.oldest
        let slots = addEntries(arrived)
        let known = shards.withUnsafeMutableBufferPointer { shards in
            let filling = Filling(shards: shards, entries: entries, slots: slots)
            concurrently(Filling.taskCount) { filling.run($0) }
            return filling.known.load(ordering: .acquiring)
        }
        count += arrived.count - known
        if known > 0 { closeGaps(before: end) }
    }

    /// Moves the entries before `end` together where some are dead: a log that has the same identities many times takes no memory for it.
    private mutating func closeGaps(before end: UInt64) {
        var target = end
        for number in (entries.oldest..<end).reversed() {
            let entry = entries[number].pointee
            if entry.location == Location.dead { continue }
            target -= 1
            if target == number { continue }
            let shard = IdentitySlots.shard(of: entry.identity)
            let old = IdentitySlots.slot(entry.identity, number: number)
            let (place, isThere) = shards[shard].place(of: old) { $0 == old }
            precondition(isThere, "invariant 1")
            shards[shard].replace(at: place, by: IdentitySlots.slot(entry.identity, number: target))
            entries[target].pointee = entry
        }
        while entries.oldest < target { entries.removeOldest() }
    }

    /// Returns the slots that they are to have, for each shard.
    private mutating func addEntries(_ arrived: [Entry]) -> [[UInt64]] {
        var slots = Array(repeating: [UInt64](), count: IdentitySlots.shardCount)
        for shard in slots.indices { slots[shard].reserveCapacity(arrived.count / IdentitySlots.shardCount * 5 / 4) }
        for entry in arrived {
            entries.prepend(entry)
            slots[IdentitySlots.shard(of: entry.identity)].append(
                IdentitySlots.slot(entry.identity, number: entries.oldest))
        }
        return slots
    }
}

/// Fills the slots of entries that have none yet. Each task has shards of its own.
private final class Filling: @unchecked Sendable {
    // Sendable: a task touches its own shards and their entries; all else is only read, or atomic.

    static let taskCount = 16

    private let shards: UnsafeMutableBufferPointer<IdentitySlots>
    private let entries: IdentityEntries
    private let slots: [[UInt64]]
    /// How many identities were there already.
    let known = Atomic(0)
    /// Of no use, but that the reading of slots has a result.
    private let touched = Atomic<UInt64>(0)

    init(shards: UnsafeMutableBufferPointer<IdentitySlots>, entries: IdentityEntries, slots: [[UInt64]]) {
        self.shards = shards
        self.entries = entries
        self.slots = slots
    }

    func run(_ task: Int) {
        for shard in stride(from: task, to: shards.count, by: Self.taskCount) {
            shards[shard].reserve(slots[shard].count)
            var rest = slots[shard][...]
            while !rest.isEmpty {
                let piece = rest.prefix(Self.pieceCount)
                rest.removeFirst(piece.count)
                touch(piece, shards[shard])
                fill(piece, &shards[shard])
            }
        }
    }

    /// As many as the nearest caches hold the places of.
    private static let pieceCount = 512

    private func touch(_ slots: ArraySlice<UInt64>, _ shard: IdentitySlots) {
        var sum: UInt64 = 0
        for slot in slots { sum &+= shard.atHome(slot) }
        touched.store(sum, ordering: .relaxed)
    }

    private func fill(_ slots: ArraySlice<UInt64>, _ shard: inout IdentitySlots) {
        for slot in slots {
            let (empty, isThere) = shard.place(of: slot) { other in
                entry(ofSlot: other).pointee.identity == entry(ofSlot: slot).pointee.identity
            }
            if isThere {
                entry(ofSlot: slot).pointee.location = IdentityTable.Location.dead
                known.add(1, ordering: .relaxed)
            } else {
                shard.put(slot, at: empty)
            }
        }
    }

    private func entry(ofSlot slot: UInt64) -> UnsafeMutablePointer<IdentityTable.Entry> {
        entries[entries.number(ofSlot: slot)]
    }
}

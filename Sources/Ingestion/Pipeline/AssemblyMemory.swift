internal import EventLog
internal import EventModel
internal import RecordFormat

/// The memory in which one request after the other is put together (`RequestAssembly`): a request of one event would spend more time on
/// asking for it than on its event. For one thread at a time.
final class AssemblyMemory {
    /// A good event whose id is not reserved yet.
    struct Checked {
        let event: JSONValue
        let envelope: Envelope
        /// Of the messageId that was made for it, in `madeIDs`; nil where it has its own.
        let madeIDStart: Int?
    }

    // No method of anything here hands out access to one of these while it calls for another.

    /// The record's header that names the write key.
    @exclusivity(unchecked) var keyHeader = GrowableBytes()
    @exclusivity(unchecked) var stored = StoredEvent()
    @exclusivity(unchecked) var splice = Splice()
    /// Good events that wait for their ids to be reserved, all of a round at once.
    @exclusivity(unchecked) var round: [Checked] = []
    @exclusivity(unchecked) var wanted: [Deduplicator.Wanted] = []
    @exclusivity(unchecked) var reserved: [Deduplicator.Reservation] = []
    /// The messageIds that were made in this round.
    @exclusivity(unchecked) var madeIDs = GrowableBytes()
    @exclusivity(unchecked) var violations: [EventViolation] = []
    /// An event as it is stored, where it must be read like that before it is.
    let completed = CompletedEvent()

    /// Nothing of a request is left, also of one that ended in an error.
    func begin(receivedAt: Int64, _ request: IngestRequest, _ enricher: Enricher) {
        keyHeader.removeAll()
        stored.begin(receivedAt: receivedAt, request, enricher)
        violations.removeAll(keepingCapacity: true)
        clearRound()
    }

    /// The events of the round, and room for what becomes of each. Out of here while they are gone through: an element of an array
    /// that somebody else might change is copied first.
    func takeRound() -> ([Checked], [Deduplicator.Wanted], [Deduplicator.Reservation]) {
        (exchange(&round, with: []), exchange(&wanted, with: []), exchange(&reserved, with: []))
    }

    /// The next round begins, in the memory of the one that was taken.
    func beginRound(
        in round: inout [Checked], _ wanted: inout [Deduplicator.Wanted], _ reserved: inout [Deduplicator.Reservation]
    ) {
        swap(&self.round, &round)
        swap(&self.wanted, &wanted)
        swap(&self.reserved, &reserved)
        clearRound()
    }

    private func clearRound() {
        round.removeAll(keepingCapacity: true)
        wanted.removeAll(keepingCapacity: true)
        reserved.removeAll(keepingCapacity: true)
        madeIDs.removeAll()
    }
}

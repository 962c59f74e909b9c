import EventLog
import EventModel
import Ingestion
import RecordFormat

/// Takes requests through the stages of ingestion one after the other and notes the time of each: what `IngestPipeline` does, by the
/// same code, of as many events at a time. Only the clock between them is ours.
struct Staged: ~Copyable, DecodedRequestReceiver {
    enum Stage: Int, CaseIterable {
        /// From the body to events and their envelopes.
        case decode
        /// The envelope's rules and the schema.
        case validate
        /// The ids' hashes, their reservation, and that it is settled.
        case deduplicate
        /// What the server adds is looked up and collected: context, address, place, user agent, times.
        case enrich
        /// The record is written: the event's text with what was collected, key, headers, partition.
        case encode
    }

    private struct Event {
        let number: Int
        let event: JSONValue
        let envelope: Envelope
    }

    private(set) var laps = Laps<Stage>()
    private(set) var eventCount = 0
    private let parts: Parts
    private let decoder: RequestDecoder
    private let validation: EventValidation
    private let encoding: RecordEncoding
    private let deduplicator: Deduplicator
    private let hasher = RecordIdentityHasher(key: SipHash128.Key(k0: 1, k1: 2))
    private var keyHeader = GrowableBytes()

    // Of the request.
    private var now: Int64 = 0
    private var stored = StoredEvent()
    private var reservations = RequestReservations()
    private var group = RecordGroupBuilder(timestamp: 0)

    // Of the events that are on their way together.
    private var round: [Event] = []
    private var violations: [EventViolation] = []
    private let completed = CompletedEvent()
    private var wanted: [Deduplicator.Wanted] = []
    private var reserved: [Deduplicator.Reservation] = []
    /// One for each event, so that all are collected before the first is written.
    private let changes: UnsafeMutablePointer<Splice>

    init(_ parts: Parts) {
        let endpoint = parts.request(0).endpoint
        self.parts = parts
        decoder = RequestDecoder(shape: endpoint.shape, limits: parts.limits.at(endpoint))
        validation = EventValidation(endpoint, parts.catalogue)
        encoding = RecordEncoding(endpoint, topic: TopicHandle(index: 0), partitionCount: Parts.partitionCount)
        deduplicator = parts.deduplicator()
        changes = .allocate(capacity: Deduplicator.idsAtOnce)
        for place in 0..<Deduplicator.idsAtOnce { (changes + place).initialize(to: Splice()) }
        RecordEncoding.appendKeyHeader(Parts.key.name, to: &keyHeader)
    }

    deinit {
        changes.deinitialize(count: Deduplicator.idsAtOnce)
        changes.deallocate()
    }

    mutating func forget() {
        laps.forget()
        eventCount = 0
    }

    /// - Returns: the records' bytes.
    mutating func run(
        _ request: IngestRequest, _ body: UnsafeRawBufferPointer, in workspace: inout DecodeWorkspace
    ) throws -> Int {
        laps.begin()
        now = parts.now()
        stored.begin(receivedAt: now, request, parts.enricher)
        laps.end(.enrich)
        try decoder.decode(body, request.encoding, in: &workspace, for: &self)
        laps.end(.decode)
        let records = takeGroup()
        laps.end(.encode)
        deduplicator.settle(reservations) { .stored(partition: 0, offset: Int64($0)) }
        reservations = RequestReservations()
        laps.end(.deduplicate)
        return records.byteCount
    }

    mutating func begin(_ outer: RequestDecoder.Outer) {
        laps.end(.decode)
        group = RecordGroupBuilder(
            timestamp: now, bodyBytes: outer.textByteCount + outer.eventCount * RecordEncoding.addedBytesUsual,
            recordCount: outer.eventCount)
        laps.end(.encode)
    }

    mutating func add(_ number: Int, _ source: RequestDecoder.Source) {
        guard case .event(let event) = source else { preconditionFailure("the parser refuses none of the benchmark's events") }
        round.append(Event(number: number, event: event, envelope: Envelope(of: event)))
        if round.count == Deduplicator.idsAtOnce { end() }
    }

    mutating func end() {
        laps.end(.decode)
        for event in round {
            validation.check(event.event, event.envelope, storedAs: stored, completed, into: &violations)
        }
        precondition(violations.isEmpty, "the benchmark's events fit the catalogue")
        laps.end(.validate)

        for event in round {
            wanted.append(.init(event: event.number, identity: hasher.identity(of: messageID(event))))
        }
        let seconds = UInt32(now / 1000)
        deduplicator.reserve(
            wanted, for: reservations, arrival: deduplicator.arrival(now: seconds), cutoff: deduplicator.cutoff(now: seconds),
            into: &reserved)
        laps.end(.deduplicate)

        for (place, event) in round.enumerated() {
            guard case .reserved = reserved[place] else { preconditionFailure("no event comes twice") }
            stored.splice(event.event, event.envelope, messageID: nil, into: &changes[place])
        }
        laps.end(.enrich)

        for (place, event) in round.enumerated() {
            _ = encoding.append(
                event.event, event.envelope, with: changes[place], messageID: messageID(event), wanted[place].identity,
                keyHeader: keyHeader.bytes, to: &group)
        }
        laps.end(.encode)
        eventCount += round.count
        round.removeAll(keepingCapacity: true)
        wanted.removeAll(keepingCapacity: true)
        reserved.removeAll(keepingCapacity: true)
    }

    private func messageID(_ event: Event) -> UnsafeRawBufferPointer {
        guard let id = event.envelope.messageID else { preconditionFailure("each event has its id") }
        return id.stringBytes
    }

    private mutating func takeGroup() -> RecordGroup {
        var finished = RecordGroupBuilder(timestamp: now)
        swap(&finished, &group)
        return RecordGroup(finished)
    }
}

internal import EventLog
internal import EventModel
internal import RecordFormat

/// Builds one request's records, event by event.
struct RequestAssembly: ~Copyable, DecodedRequestReceiver {
    /// What is the same for every request.
    final class Surroundings: Sendable {
        let keys: WriteKeyRing
        let limits: IngestLimits
        let raw: (handle: TopicHandle, partitionCount: Int)
        let rejected: (handle: TopicHandle, partitionCount: Int)
        let hasher: RecordIdentityHasher
        let deduplicator: Deduplicator
        let catalogue: CurrentCatalogue
        let enricher: Enricher
        let limiter: RateLimiter
        let ledger: Ledger

        init(
            keys: WriteKeyRing, limits: IngestLimits, raw: (handle: TopicHandle, partitionCount: Int),
            rejected: (handle: TopicHandle, partitionCount: Int), hasher: RecordIdentityHasher, deduplicator: Deduplicator,
            catalogue: CurrentCatalogue, enricher: Enricher, limiter: RateLimiter, ledger: Ledger
        ) {
            self.keys = keys
            self.limits = limits
            self.raw = raw
            self.rejected = rejected
            self.hasher = hasher
            self.deduplicator = deduplicator
            self.catalogue = catalogue
            self.enricher = enricher
            self.limiter = limiter
            self.ledger = ledger
        }
    }

    private let surroundings: Surroundings
    private let request: IngestRequest
    private let validation: EventValidation
    private let encoding: RecordEncoding
    private var types: EventTypes
    private let receivedAt: Int64
    private let arrival: UInt32
    private let cutoff: UInt32
    private var writeKey: WriteKey?
    /// When the client sent the batch, by its clock.
    private var sentAt: Int64?
    private let memory: AssemblyMemory

    private let reservations = RequestReservations()
    private var group: RecordGroupBuilder
    private var events: [PreparedRequest.Event] = []
    private var random = SystemRandomNumberGenerator()

    /// - Parameters:
    ///   - writeKey: where one that may be used stands outside the body.
    ///   - receivedAt: milliseconds since 1970.
    ///   - memory: nobody else's until `finish`.
    init(
        _ request: IngestRequest, writeKey: WriteKey?, receivedAt: Int64, _ surroundings: Surroundings, in memory: AssemblyMemory
    ) {
        self.surroundings = surroundings
        self.request = request
        self.receivedAt = receivedAt
        self.writeKey = writeKey
        validation = EventValidation(request.endpoint, surroundings.catalogue.value)
        encoding = RecordEncoding(
            request.endpoint, topic: surroundings.raw.handle, partitionCount: surroundings.raw.partitionCount)
        types = surroundings.ledger.types
        let receivedSeconds = UInt32(clamping: receivedAt / 1000)
        arrival = surroundings.deduplicator.arrival(now: receivedSeconds)
        cutoff = surroundings.deduplicator.cutoff(now: receivedSeconds)
        self.memory = memory
        memory.begin(receivedAt: receivedAt, request, surroundings.enricher)
        // As `begin` has it, which is told how much is to come.
        group = RecordGroupBuilder(timestamp: receivedAt)
    }

    consuming func finish() -> PreparedRequest {
        let (reservations, events, wantsReceipts) = (reservations, events, request.wantsReceipts)
        // Without one there is no request.
        let keyNumber = writeKey.map(surroundings.ledger.number) ?? 0
        let isRetry = request.earlier != nil
        return PreparedRequest(
            group: RecordGroup(takeGroup()), reservations: reservations, events: events, wantsReceipts: wantsReceipts,
            keyNumber: keyNumber, isRetry: isRetry)
    }

    private consuming func takeGroup() -> RecordGroupBuilder { group }

    // MARK: What the decoder finds

    mutating func begin(_ outer: RequestDecoder.Outer) throws(IngestError) {
        let writeKey = if let writeKey { writeKey } else { try keyInBody(outer) }
        self.writeKey = writeKey
        if request.earlier == nil { try take(outer.eventCount, writeKey) }
        RecordEncoding.appendKeyHeader(writeKey.name, to: &memory.keyHeader)
        sentAt = outer.sentAt ?? request.earlier?.sentAt
        memory.stored.sentAt = sentAt
        memory.stored.context.authorized(trustsClientContext: writeKey.trustsClientContext)
        group = RecordGroupBuilder(
            timestamp: receivedAt, bodyBytes: outer.textByteCount + outer.eventCount * RecordEncoding.addedBytesUsual,
            recordCount: outer.eventCount)
        events.reserveCapacity(outer.eventCount)
    }

    /// Within the rate limits: all of the request, or nothing.
    private func take(_ eventCount: Int, _ writeKey: WriteKey) throws(IngestError) {
        let perAddress = writeKey.addressEventsPerSecond ?? surroundings.limits.addressEventsPerSecond
        let decision = surroundings.limiter.take(eventCount, from: request.clientAddress, perAddress: perAddress)
        guard case .refused(let limit, let seconds) = decision else { return }
        surroundings.ledger.limited(eventCount, keyNumber: surroundings.ledger.number(of: writeKey))
        let reached =
            switch limit {
            case .global: "\(surroundings.limits.globalEventsPerSecond) events per second of all clients together"
            case .perIP: "\(perAddress) events per second of one client address"
            }
        throw IngestError(
            .rateLimited, "more than \(reached): nothing of the request was stored; send it again after \(seconds) s",
            retryAfterSeconds: seconds)
    }

    private func keyInBody(_ outer: RequestDecoder.Outer) throws(IngestError) -> WriteKey {
        guard let candidate = outer.writeKey else {
            throw IngestError(
                .missingWriteKey,
                "no write key: send it as Authorization: Basic base64(key:), X-Write-Key, ?writeKey= or writeKey in the body")
        }
        return try surroundings.keys.authorize(candidate, origin: request.origin)
    }

    mutating func add(_ number: Int, _ source: RequestDecoder.Source) {
        switch source {
        case .refused(let bytes, let violation):
            end()
            reject(bytes, nil, [violation])
        case .event(let event):
            if let violation = surroundings.limits.violation(eventBytes: event.sourceRange.count) {
                end()
                return reject(event.source, Envelope(of: event), [violation])
            }
            let envelope = Envelope(of: event)
            validation.check(event, envelope, storedAs: memory.stored, memory.completed, into: &memory.violations)
            if memory.violations.isEmpty {
                wait(number, event, envelope)
                if memory.round.count == Deduplicator.idsAtOnce { end() }
            } else {
                end()
                reject(event.source, envelope, memory.violations)
                memory.violations.removeAll(keepingCapacity: true)
            }
        }
    }

    // MARK: Storing

    private mutating func wait(_ number: Int, _ event: JSONValue, _ envelope: Envelope) {
        let messageID: UnsafeRawBufferPointer
        var madeIDStart: Int?
        if let given = envelope.messageID, given.isString {
            messageID = given.stringBytes
        } else {
            let start = memory.madeIDs.count
            makeID()
            messageID = UnsafeRawBufferPointer(rebasing: memory.madeIDs.bytes[start...])
            madeIDStart = start
        }
        memory.wanted.append(.init(event: number, identity: surroundings.hasher.identity(of: messageID)))
        memory.round.append(.init(event: event, envelope: envelope, madeIDStart: madeIDStart))
    }

    private mutating func makeID() {
        if let earlier = request.earlier { return memory.madeIDs.append(utf8: earlier.messageID) }
        let text = memory.madeIDs.reserve(UUIDv7.textBytes)
        UUIDv7.write(milliseconds: receivedAt, using: &random, to: text)
        memory.madeIDs.advance(by: UUIDv7.textBytes)
    }

    /// Stores the events of the round.
    mutating func end() {
        if memory.round.isEmpty { return }
        var (round, wanted, reserved) = memory.takeRound()
        surroundings.deduplicator.reserve(wanted, for: reservations, arrival: arrival, cutoff: cutoff, into: &reserved)
        for place in round.indices { store(round[place], wanted[place].identity, reserved[place]) }
        memory.beginRound(in: &round, &wanted, &reserved)
    }

    private mutating func store(
        _ checked: AssemblyMemory.Checked, _ identity: RecordIdentity, _ reservation: Deduplicator.Reservation
    ) {
        let messageID: UnsafeRawBufferPointer
        if let start = checked.madeIDStart {
            let byteCount = request.earlier?.messageID.utf8.count ?? UUIDv7.textBytes
            messageID = UnsafeRawBufferPointer(rebasing: memory.madeIDs.bytes[start..<start + byteCount])
        } else if let given = checked.envelope.messageID {
            messageID = given.stringBytes
        } else {
            preconditionFailure("an event has its own messageId or one that was made")
        }
        let type = type(request.endpoint.name(of: checked.envelope))
        switch reservation {
        case .reserved:
            let entry = write(checked.event, checked.envelope, messageID, checked.madeIDStart != nil, identity)
            note(.written(entry: entry), type, request.wantsReceipts ? text(messageID) : nil)
        case .duplicate(let partition, let offset):
            note(.duplicate(partition: partition, offset: offset), type, text(messageID))
        case .inFlight(let other, let otherEvent):
            note(.inFlight(other, event: otherEvent), type, text(messageID))
        case .undecided:
            note(.undecided, type, text(messageID))
        }
    }

    private mutating func write(
        _ event: JSONValue, _ envelope: Envelope, _ messageID: UnsafeRawBufferPointer, _ isNew: Bool,
        _ identity: RecordIdentity
    ) -> Int {
        memory.stored.splice(event, envelope, messageID: isNew ? messageID : nil, into: &memory.splice)
        return encoding.append(
            event, envelope, with: memory.splice, messageID: messageID, identity, keyHeader: memory.keyHeader.bytes, to: &group)
    }

    // MARK: Rejecting

    /// Keeps an event's own bytes with its errors: the value is what the client sent, the rest stands in headers.
    private mutating func reject(
        _ source: UnsafeRawBufferPointer, _ envelope: Envelope?, _ violations: [EventViolation]
    ) {
        if request.earlier != nil { return note(.rejectedAgain(violations), 0, nil) }
        let start = group.bodies.count
        if let key = envelope?.recordKey {
            RecordBody.appendField(key, to: &group.bodies)
        } else {
            RecordBody.appendAbsentField(to: &group.bodies)
        }
        RecordBody.appendField(source, to: &group.bodies)
        let name = if let envelope { request.endpoint.name(of: envelope) } else { UnsafeRawBufferPointer?.none }
        let messageID = envelope?.messageID.flatMap { $0.isString ? $0.stringBytes : nil }
        var headerCount = 4
        for isThere in [name != nil, messageID != nil, request.userAgent != nil, sentAt != nil] where isThere { headerCount += 1 }
        RecordBody.appendHeaderCount(headerCount, to: &group.bodies)
        if let name { RecordBody.appendHeader("event", name, to: &group.bodies) }
        if let messageID { RecordBody.appendHeader("messageId", messageID, to: &group.bodies) }
        group.bodies.append(copying: memory.keyHeader.bytes)
        var header = GrowableBytes()
        JSONWriter.append(violations: violations, to: &header)
        RecordBody.appendHeader("errors", header.bytes, to: &group.bodies)
        // What its way in said of it, for when it is put through again.
        header.removeAll()
        header.append(utf8: request.endpoint.rawValue)
        RecordBody.appendHeader("endpoint", header.bytes, to: &group.bodies)
        header.removeAll()
        surroundings.enricher.stored(request.clientAddress).append(to: &header)
        RecordBody.appendHeader("clientAddress", header.bytes, to: &group.bodies)
        if var userAgent = request.userAgent {
            userAgent.withUTF8 { RecordBody.appendHeader("userAgent", UnsafeRawBufferPointer($0), to: &group.bodies) }
        }
        if let sentAt {
            header.removeAll()
            Timestamp.write(sentAt, to: header.reserve(Timestamp.textBytes))
            header.advance(by: Timestamp.textBytes)
            RecordBody.appendHeader("sentAt", header.bytes, to: &group.bodies)
        }
        let entry = group.close(from: start, topic: surroundings.rejected.handle, partition: 0, identity: nil)
        // One that is too long to be an id is told by its error.
        let isShown = (messageID?.count ?? 0) <= 4 * EnvelopeRules.messageIDCharactersMax
        note(.rejected(violations, entry: entry), type(name), isShown ? messageID.map { text($0) } : nil)
    }

    private mutating func note(_ fate: PreparedRequest.Event.Fate, _ type: Int, _ messageID: String?) {
        events.append(.init(fate: fate, messageID: messageID, type: type))
    }

    /// The ledger's number of an event's name.
    private mutating func type(_ name: UnsafeRawBufferPointer?) -> Int {
        guard let name, EnvelopeRules.isEventName(name) else { return 0 }
        // One that came into the catalogue only now has its room too.
        var isOfCatalogue: Bool { surroundings.catalogue.value.number(ofEvent: name) != nil }
        if let known = types.number(of: name, isOfCatalogue: isOfCatalogue) { return known }
        let added = surroundings.ledger.add(type: name, ofCatalogue: isOfCatalogue)
        types = surroundings.ledger.types
        return added
    }

    private func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
}

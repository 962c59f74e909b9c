internal import EventLog
internal import EventModel
internal import RecordFormat

/// Builds one request's records, event by event.
final class RequestAssembly {
    private let request: IngestRequest
    private let limits: IngestLimits
    private let raw: (handle: TopicHandle, partitionCount: Int)
    private let rejected: (handle: TopicHandle, partitionCount: Int)
    private let hasher: RecordIdentityHasher
    private let deduplicator: Deduplicator
    private let rules: EnvelopeRules
    private let stored: StoredEvent
    private let group: RecordGroup
    private let reservations = RequestReservations()
    private var events: [PreparedRequest.Event] = []
    private let arrival: UInt32
    private let cutoff: UInt32

    init(
        request: IngestRequest, outer: RequestDecoder.Outer, writeKey: WriteKey, receivedAt: Int64,
        limits: IngestLimits, textBytes: Int, raw: (handle: TopicHandle, partitionCount: Int),
        rejected: (handle: TopicHandle, partitionCount: Int), hasher: RecordIdentityHasher,
        deduplicator: Deduplicator
    ) {
        self.request = request
        self.limits = limits
        self.raw = raw
        self.rejected = rejected
        self.hasher = hasher
        self.deduplicator = deduplicator
        rules = EnvelopeRules(eventName: request.endpoint.eventName)
        stored = StoredEvent(
            receivedAt: receivedAt, sentAt: outer.sentAt, clientAddress: request.clientAddress,
            endpoint: request.endpoint, writeKey: writeKey)
        group = RecordGroup(
            timestamp: receivedAt, bodyBytes: textBytes + outer.eventCount * 256, recordCount: outer.eventCount)
        events.reserveCapacity(outer.eventCount)
        let receivedSeconds = UInt32(clamping: receivedAt / 1000)
        arrival = deduplicator.arrival(now: receivedSeconds)
        cutoff = deduplicator.cutoff(now: receivedSeconds)
    }

    func finish() -> PreparedRequest {
        PreparedRequest(
            group: group, reservations: reservations, events: events, wantsReceipts: request.wantsReceipts)
    }

    func add(_ number: Int, _ source: RequestDecoder.Source, _ workspace: DecodeWorkspace) {
        workspace.violations.removeAll(keepingCapacity: true)
        switch source {
        case .refused(let bytes, let violation):
            reject(bytes, nil, [violation])
        case .event(let event):
            guard event.sourceRange.count <= limits.payloadBytes else {
                let violation = EventViolation(
                    path: "", keyword: "maxBytes",
                    message: "has \(event.sourceRange.count) bytes, the most is \(limits.payloadBytes)")
                return reject(event.source, Envelope(of: event), [violation])
            }
            let envelope = Envelope(of: event)
            rules.check(event, envelope, into: &workspace.violations)
            if workspace.violations.isEmpty {
                store(number, event, envelope, workspace)
            } else {
                reject(event.source, envelope, workspace.violations)
            }
        }
    }

    // MARK: Storing

    private func store(
        _ number: Int, _ event: JSONValue, _ envelope: Envelope, _ workspace: DecodeWorkspace
    ) {
        if let given = envelope.messageID, given.isString {
            return store(number, event, envelope, messageID: given.stringBytes, isNew: false, workspace)
        }
        withUnsafeTemporaryAllocation(byteCount: UUIDv7.textBytes, alignment: 1) { text in
            UUIDv7.write(
                milliseconds: stored.receivedAt, using: &workspace.random, to: text.baseAddress!)
            store(
                number, event, envelope, messageID: UnsafeRawBufferPointer(text), isNew: true, workspace)
        }
    }

    private func store(
        _ number: Int, _ event: JSONValue, _ envelope: Envelope, messageID: UnsafeRawBufferPointer, isNew: Bool,
        _ workspace: DecodeWorkspace
    ) {
        let identity = hasher.identity(of: messageID)
        switch deduplicator.reserve(identity, for: reservations, event: number, arrival: arrival, cutoff: cutoff) {
        case .reserved:
            let entry = write(event, envelope, messageID, isNew, identity, workspace)
            note(.written(entry: entry), request.wantsReceipts ? text(messageID) : nil)
        case .duplicate(let partition, let offset):
            note(.duplicate(partition: partition, offset: offset), text(messageID))
        case .inFlight(let other, let otherEvent):
            note(.inFlight(other, event: otherEvent), text(messageID))
        case .undecided:
            note(.undecided, text(messageID))
        }
    }

    private func write(
        _ event: JSONValue, _ envelope: Envelope, _ messageID: UnsafeRawBufferPointer, _ isNew: Bool,
        _ identity: RecordIdentity, _ workspace: DecodeWorkspace
    ) -> Int {
        stored.splice(event, envelope, messageID: isNew ? messageID : nil, into: &workspace.splice)
        guard let key = envelope.recordKey else { preconditionFailure("the envelope rules ask for a key") }
        let start = group.bodies.count
        RecordBody.appendField(key, to: &group.bodies)
        group.bodies.append(varint: Int64(workspace.splice.byteCount(of: event)))
        let valueStart = group.bodies.count
        workspace.splice.write(event, to: &group.bodies)
        precondition(group.bodies.count - valueStart == workspace.splice.byteCount(of: event))
        RecordBody.appendHeaderCount(3, to: &group.bodies)
        if let name = envelope.event, name.isString {
            RecordBody.appendHeader("event", name.stringBytes, to: &group.bodies)
        } else if let name = request.endpoint.eventName {
            RecordBody.appendHeader(
                "event", UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount),
                to: &group.bodies)
        }
        RecordBody.appendHeader("messageId", messageID, to: &group.bodies)
        appendKeyName()
        return group.close(
            from: start, topic: raw.handle,
            partition: Murmur2.partition(of: key, partitionCount: raw.partitionCount), identity: identity)
    }

    // MARK: Rejecting

    /// Keeps an event's own bytes with its errors: the value is what the client sent, the rest stands in headers.
    private func reject(
        _ source: UnsafeRawBufferPointer, _ envelope: Envelope?, _ violations: [EventViolation]
    ) {
        let start = group.bodies.count
        if let key = envelope?.recordKey {
            RecordBody.appendField(key, to: &group.bodies)
        } else {
            RecordBody.appendAbsentField(to: &group.bodies)
        }
        RecordBody.appendField(source, to: &group.bodies)
        let name = envelope?.event.flatMap { $0.isString ? $0.stringBytes : nil }
        let messageID = envelope?.messageID.flatMap { $0.isString ? $0.stringBytes : nil }
        RecordBody.appendHeaderCount(2 + (name == nil ? 0 : 1) + (messageID == nil ? 0 : 1), to: &group.bodies)
        if let name { RecordBody.appendHeader("event", name, to: &group.bodies) }
        if let messageID { RecordBody.appendHeader("messageId", messageID, to: &group.bodies) }
        appendKeyName()
        var errors = GrowableBytes()
        JSONWriter.append(violations: violations, to: &errors)
        RecordBody.appendHeader("errors", errors.bytes, to: &group.bodies)
        let entry = group.close(from: start, topic: rejected.handle, partition: 0, identity: nil)
        note(.rejected(violations, entry: entry), messageID.map { text($0) })
    }

    // MARK: Helpers

    private func appendKeyName() {
        var name = stored.writeKey.name
        name.withUTF8 { RecordBody.appendHeader("writeKey", UnsafeRawBufferPointer($0), to: &group.bodies) }
    }

    private func note(_ fate: PreparedRequest.Event.Fate, _ messageID: String?) {
        events.append(.init(fate: fate, messageID: messageID))
    }

    private func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
}

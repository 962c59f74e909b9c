package import EventModel
internal import RecordFormat

/// Decides what the server adds to, or replaces in, an event, and writes the result as a record's body.
///
/// Added: `receivedAt`; `messageId` where absent; `event` where the way in gives it; what `RequestContext` knows; of a page the
/// properties url, title and referrer that `context.page` has, and where Segment's traits may stand there, those of `context.traits`.
/// Replaced: `receivedAt`, `timestamp` where the client's clock was off (the client's is kept as `originalTimestamp`), Segment's `type`
/// by `event`, and members that are null where one of these is to be. Removed: `writeKey`.
package struct StoredEvent: ~Copyable {
    /// A clock that is off by more than this is corrected.
    static let clockToleranceMilliseconds: Int64 = 5 * 60 * 1000

    private var receivedAt: Int64 = 0
    /// When it came in first, where it was rejected then.
    private var firstReceivedAt: Int64?
    private(set) var endpoint = IngestEndpoint.events
    /// When the client sent the batch, by its clock.
    var sentAt: Int64?
    var context = RequestContext()
    /// JSON text that is the same in every event of the request.
    private var receivedAtText = GrowableBytes()

    package init() {}

    /// A request begins. The memory is that of the one before.
    package mutating func begin(receivedAt: Int64, _ request: IngestRequest, _ enricher: Enricher) {
        self.receivedAt = receivedAt
        firstReceivedAt = request.earlier?.receivedAt
        endpoint = request.endpoint
        sentAt = nil
        context.begin(enricher, address: request.clientAddress, userAgent: request.userAgent)
        receivedAtText.removeAll()
        Self.appendTime(receivedAt, to: &receivedAtText)
    }

    /// Collects the changes. `messageID` is the one made for an event without one.
    package mutating func splice(
        _ event: JSONValue, _ envelope: Envelope, messageID: UnsafeRawBufferPointer?, into splice: inout Splice
    ) {
        splice.begin()
        let form = endpoint.form(of: envelope)
        remove(event, envelope, form, &splice)
        let corrected = correctedTimestamp(envelope)
        if let corrected, let timestamp = envelope.timestamp {
            splice.replace(timestamp.sourceRange) { Self.appendTime(corrected, to: &$0) }
            if let original = envelope.originalTimestamp {
                splice.replace(original.sourceRange) { $0.append(copying: timestamp.source) }
            }
        }
        replaceNullsAndReceivedAt(envelope, messageID, &splice)
        let isNamed = spliceName(event, envelope, form, &splice)
        spliceContext(envelope.context, &splice)
        spliceCompletion(envelope, form, &splice)
        if let firstReceivedAt, let null = envelope.timestamp, null.isNull {
            splice.replace(null.sourceRange) { Self.appendTime(firstReceivedAt, to: &$0) }
        }
        splice.appendMembers(to: event) { target in
            if let firstReceivedAt, envelope.timestamp == nil {
                // Without one it would have happened now.
                target.append(",\"timestamp\":")
                Self.appendTime(firstReceivedAt, to: &target)
            }
            if envelope.receivedAt == nil {
                target.append(",\"receivedAt\":")
                target.append(copying: receivedAtText.bytes)
            }
            if envelope.messageID == nil, let messageID {
                target.append(",\"messageId\":")
                JSONWriter.append(utf8: messageID, to: &target)
            }
            if !isNamed, let name = form.naming.name {
                target.append(",")
                Self.appendEvent(name, to: &target)
            }
            if corrected != nil, envelope.originalTimestamp == nil, let timestamp = envelope.timestamp {
                target.append(",\"originalTimestamp\":")
                target.append(copying: timestamp.source)
            }
            if envelope.context == nil {
                target.append(",\"context\":")
                context.appendObject(to: &target)
            }
            appendCompletion(envelope, form, to: &target)
        }
    }

    /// The event's own time, moved by how far the client's clock was off; nil where nothing is to be corrected.
    private func correctedTimestamp(_ envelope: Envelope) -> Int64? {
        let own = envelope.sentAt.flatMap { $0.isString ? Timestamp.milliseconds($0.stringBytes) : nil }
        guard let sent = own ?? sentAt, let value = envelope.timestamp, value.isString,
            let timestamp = Timestamp.milliseconds(value.stringBytes)
        else { return nil }
        let difference = (firstReceivedAt ?? receivedAt) - sent
        return abs(difference) > Self.clockToleranceMilliseconds ? timestamp + difference : nil
    }

    private func replaceNullsAndReceivedAt(
        _ envelope: Envelope, _ messageID: UnsafeRawBufferPointer?, _ splice: inout Splice
    ) {
        if let value = envelope.receivedAt {
            splice.replace(value.sourceRange) { $0.append(copying: receivedAtText.bytes) }
        }
        if let value = envelope.messageID, value.isNull, let messageID {
            splice.replace(value.sourceRange) { JSONWriter.append(utf8: messageID, to: &$0) }
        }
    }

    // MARK: Names

    private func remove(_ event: JSONValue, _ envelope: Envelope, _ form: EventForm, _ splice: inout Splice) {
        let key = envelope.writeKey?.sourceRange.lowerBound
        // Without an `event`, that comes in its place.
        let type =
            form.isTyped && (envelope.event != nil || form.naming.name == nil) ? envelope.type?.sourceRange.lowerBound : nil
        if key == nil && type == nil { return }
        splice.removeMembers(from: event) { value in
            let place = value.sourceRange.lowerBound
            return place == key || place == type
        }
    }

    /// Puts the name that the way in gives in its place; false where it has none and is to be appended.
    private func spliceName(
        _ event: JSONValue, _ envelope: Envelope, _ form: EventForm, _ splice: inout Splice
    ) -> Bool {
        guard let name = form.naming.name else { return true }
        if let value = envelope.event {
            if value.isNull || form.isTyped {
                splice.replace(value.sourceRange) {
                    $0.append("\"")
                    $0.append(name)
                    $0.append("\"")
                }
            }
            return true
        }
        guard form.isTyped, let type = envelope.type else { return false }
        splice.replaceMember(type, of: event) { Self.appendEvent(name, to: &$0) }
        return true
    }

    private static func appendEvent(_ name: StaticString, to target: inout GrowableBytes) {
        target.append("\"event\":\"")
        target.append(name)
        target.append("\"")
    }

    private mutating func spliceContext(_ given: JSONValue?, _ splice: inout Splice) {
        let members = ContextMembers(of: given)
        context.look(at: members)
        guard let given else { return }
        if given.isObject {
            context.splice(given, members, &splice)
        } else {
            splice.replace(given.sourceRange) { context.appendObject(to: &$0) }
        }
    }

    private static func appendTime(_ milliseconds: Int64, to target: inout GrowableBytes) {
        target.append("\"")
        Timestamp.write(milliseconds, to: target.reserve(Timestamp.textBytes))
        target.advance(by: Timestamp.textBytes)
        target.append("\"")
    }
}

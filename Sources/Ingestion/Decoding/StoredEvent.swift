internal import EventModel
internal import RecordFormat

/// Decides what the server adds to, or replaces in, an event, and writes the result as a record's body.
///
/// Added: `receivedAt`; `messageId` where absent; `event` where the address gives it; what `RequestContext` knows; on `/page` the
/// properties url, title and referrer that `context.page` has and the client left out or null. Replaced: `receivedAt`, `timestamp` where the client's clock was off
/// (the client's is kept as `originalTimestamp`), and members that are null where one of these is to be. Removed: `writeKey`.
struct StoredEvent: ~Copyable {
    /// A clock that is off by more than this is corrected.
    static let clockToleranceMilliseconds: Int64 = 5 * 60 * 1000

    private var receivedAt: Int64 = 0
    private var endpoint = IngestEndpoint.events
    /// When the client sent the batch, by its clock.
    var sentAt: Int64?
    var context = RequestContext()
    /// JSON text that is the same in every event of the request.
    private var receivedAtText = GrowableBytes()

    init() {}

    /// A request begins. The memory is that of the one before.
    mutating func begin(receivedAt: Int64, _ request: IngestRequest, _ enricher: Enricher) {
        self.receivedAt = receivedAt
        endpoint = request.endpoint
        sentAt = nil
        context.begin(enricher, address: request.clientAddress, userAgent: request.userAgent)
        receivedAtText.removeAll()
        Self.appendTime(receivedAt, to: &receivedAtText)
    }

    /// Collects the changes. `messageID` is the one made for an event without one.
    mutating func splice(
        _ event: JSONValue, _ envelope: Envelope, messageID: UnsafeRawBufferPointer?, into splice: inout Splice
    ) {
        splice.begin()
        if let writeKey = envelope.writeKey { splice.removeMember(writeKey, from: event) }
        let corrected = correctedTimestamp(envelope)
        if let corrected, let timestamp = envelope.timestamp {
            splice.replace(timestamp.sourceRange) { Self.appendTime(corrected, to: &$0) }
            if let original = envelope.originalTimestamp {
                splice.replace(original.sourceRange) { $0.append(copying: timestamp.source) }
            }
        }
        replaceNullsAndReceivedAt(envelope, messageID, &splice)
        spliceContext(envelope.context, &splice)
        splicePageProperties(envelope, &splice)
        splice.appendMembers(to: event) { target in
            if envelope.receivedAt == nil {
                target.append(",\"receivedAt\":")
                target.append(copying: receivedAtText.bytes)
            }
            if envelope.messageID == nil, let messageID {
                target.append(",\"messageId\":")
                JSONWriter.append(utf8: messageID, to: &target)
            }
            if envelope.event == nil, let name = endpoint.eventName {
                target.append(",\"event\":\"")
                target.append(name)
                target.append("\"")
            }
            if corrected != nil, envelope.originalTimestamp == nil, let timestamp = envelope.timestamp {
                target.append(",\"originalTimestamp\":")
                target.append(copying: timestamp.source)
            }
            if envelope.context == nil {
                target.append(",\"context\":")
                context.appendObject(to: &target)
            }
            appendProperties(envelope, to: &target)
        }
    }

    /// The event's own time, moved by how far the client's clock was off; nil where nothing is to be corrected.
    private func correctedTimestamp(_ envelope: Envelope) -> Int64? {
        let own = envelope.sentAt.flatMap { $0.isString ? Timestamp.milliseconds($0.stringBytes) : nil }
        guard let sent = own ?? sentAt, let value = envelope.timestamp, value.isString,
            let timestamp = Timestamp.milliseconds(value.stringBytes)
        else { return nil }
        let difference = receivedAt - sent
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
        if let value = envelope.event, value.isNull, let name = endpoint.eventName {
            splice.replace(value.sourceRange) {
                $0.append("\"")
                $0.append(name)
                $0.append("\"")
            }
        }
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

    // MARK: /page

    /// Whether the event is stored with properties that it was not sent with.
    func completesProperties(_ envelope: Envelope) -> Bool { endpoint == .page && hasPage(envelope) }

    /// Collects, of the changes of `splice`, those to the properties alone.
    func completeProperties(_ event: JSONValue, _ envelope: Envelope, into splice: inout Splice) {
        splice.begin()
        splicePageProperties(envelope, &splice)
        splice.appendMembers(to: event) { appendProperties(envelope, to: &$0) }
    }

    private func page(_ envelope: Envelope) -> JSONValue? {
        guard let page = envelope.context?.member("page"), page.isObject else { return nil }
        return page
    }

    private func hasPage(_ envelope: Envelope) -> Bool { page(envelope).map { $0.descendantCount > 0 } ?? false }

    private func splicePageProperties(_ envelope: Envelope, _ splice: inout Splice) {
        guard endpoint == .page, let properties = envelope.properties, hasPage(envelope) else { return }
        guard properties.isObject else {
            return splice.replace(properties.sourceRange) { target in
                target.append("{")
                appendPageProperties(envelope, present: nil, to: &target)
                target.append("}")
            }
        }
        for name in Self.pageProperties {
            guard let given = properties.member(name), given.isNull, let value = pageProperty(name, envelope) else { continue }
            splice.replace(given.sourceRange) { $0.append(copying: value.source) }
        }
        splice.appendMembers(to: properties) { appendPageProperties(envelope, present: properties, to: &$0) }
    }

    /// The whole object, for an event without one.
    private func appendProperties(_ envelope: Envelope, to target: inout GrowableBytes) {
        guard endpoint == .page, envelope.properties == nil, hasPage(envelope) else { return }
        target.append(",\"properties\":{")
        appendPageProperties(envelope, present: nil, to: &target)
        target.append("}")
    }

    private static let pageProperties: [StaticString] = ["url", "title", "referrer"]

    private func pageProperty(_ name: StaticString, _ envelope: Envelope) -> JSONValue? {
        page(envelope)?.member(name).flatMap { $0.isNull ? nil : $0 }
    }

    /// Appends the properties that the page has and `present` has not.
    private func appendPageProperties(_ envelope: Envelope, present: JSONValue?, to target: inout GrowableBytes) {
        var isFirst = present.map { $0.descendantCount == 0 } ?? true
        for name in Self.pageProperties where present?.member(name) == nil {
            guard let value = pageProperty(name, envelope) else { continue }
            target.append(isFirst ? "\"" : ",\"")
            target.append(name)
            target.append("\":")
            target.append(copying: value.source)
            isFirst = false
        }
    }

    private static func appendTime(_ milliseconds: Int64, to target: inout GrowableBytes) {
        target.append("\"")
        Timestamp.write(milliseconds, to: target.reserve(Timestamp.textBytes))
        target.advance(by: Timestamp.textBytes)
        target.append("\"")
    }
}

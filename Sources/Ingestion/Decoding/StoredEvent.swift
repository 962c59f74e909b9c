internal import EventModel
internal import RecordFormat

/// Decides what the server adds to, or replaces in, an event, and writes the result as a record's body.
///
/// Added: `receivedAt`; `messageId` where absent; `event` where the way in gives it; what `RequestContext` knows; of a page the
/// properties url, title and referrer that `context.page` has, and where Segment's traits may stand there, those of `context.traits`.
/// Replaced: `receivedAt`, `timestamp` where the client's clock was off (the client's is kept as `originalTimestamp`), Segment's `type`
/// by `event`, and members that are null where one of these is to be. Removed: `writeKey`.
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
        if form.isPage { splicePageProperties(envelope, &splice) }
        let traits = form.hasTraits ? movedTraits(envelope) : nil
        if let traits, let null = envelope.traits { splice.replace(null.sourceRange) { $0.append(copying: traits.source) } }
        splice.appendMembers(to: event) { target in
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
            if let traits, envelope.traits == nil {
                target.append(",\"traits\":")
                target.append(copying: traits.source)
            }
            if form.isPage, envelope.properties == nil, hasPage(envelope) {
                target.append(",\"properties\":{")
                _ = appendPageProperties(envelope, present: nil, isFirst: true, to: &target)
                target.append("}")
            }
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

    /// Whether the event is stored with properties or traits that it was not sent with.
    func isCompleted(_ envelope: Envelope) -> Bool {
        let form = endpoint.form(of: envelope)
        return form.isPage && hasPage(envelope) || form.hasTraits && movedTraits(envelope) != nil
    }

    /// `context.traits`, for an event without traits of its own.
    private func movedTraits(_ envelope: Envelope) -> JSONValue? {
        guard envelope.traits?.isNull ?? true, let traits = envelope.context?.member("traits"), traits.isObject else {
            return nil
        }
        return traits
    }

    // MARK: Pages

    private func page(_ envelope: Envelope) -> JSONValue? {
        guard let page = envelope.context?.member("page"), page.isObject else { return nil }
        return page
    }

    private func hasPage(_ envelope: Envelope) -> Bool { page(envelope).map { $0.descendantCount > 0 } ?? false }

    private func splicePageProperties(_ envelope: Envelope, _ splice: inout Splice) {
        guard let properties = envelope.properties, hasPage(envelope) else { return }
        guard properties.isObject else {
            return splice.replace(properties.sourceRange) { target in
                target.append("{")
                _ = appendPageProperties(envelope, present: nil, isFirst: true, to: &target)
                target.append("}")
            }
        }
        splice.appendMembers(to: properties) { target in
            _ = appendPageProperties(
                envelope, present: properties, isFirst: properties.descendantCount == 0, to: &target)
        }
    }

    /// Appends those of url, title and referrer that the page has and `present` has not.
    private func appendPageProperties(
        _ envelope: Envelope, present: JSONValue?, isFirst: Bool, to target: inout GrowableBytes
    ) -> Bool {
        var isFirst = isFirst
        func add(_ name: StaticString, _ target: inout GrowableBytes) {
            guard let value = page(envelope)?.member(name), !value.isNull, present?.member(name) == nil else { return }
            target.append(isFirst ? "\"" : ",\"")
            target.append(name)
            target.append("\":")
            target.append(copying: value.source)
            isFirst = false
        }
        add("url", &target)
        add("title", &target)
        add("referrer", &target)
        return isFirst
    }

    private static func appendTime(_ milliseconds: Int64, to target: inout GrowableBytes) {
        target.append("\"")
        Timestamp.write(milliseconds, to: target.reserve(Timestamp.textBytes))
        target.advance(by: Timestamp.textBytes)
        target.append("\"")
    }
}

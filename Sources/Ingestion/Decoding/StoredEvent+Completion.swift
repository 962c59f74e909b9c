internal import EventModel
internal import RecordFormat

/// What an event's context gives to its properties, or to its traits, where it has none of its own or null.
extension StoredEvent {
    /// Whether the event is stored with properties or traits that it was not sent with.
    func isCompleted(_ envelope: Envelope) -> Bool {
        let form = endpoint.form(of: envelope)
        return form.isPage && hasPage(envelope) || form.hasTraits && movedTraits(envelope) != nil
    }

    /// Collects, of the changes of `splice`, these alone.
    func complete(_ event: JSONValue, _ envelope: Envelope, into splice: inout Splice) {
        let form = endpoint.form(of: envelope)
        splice.begin()
        spliceCompletion(envelope, form, &splice)
        splice.appendMembers(to: event) { appendCompletion(envelope, form, to: &$0) }
    }

    /// Completes what the event has.
    func spliceCompletion(_ envelope: Envelope, _ form: EventForm, _ splice: inout Splice) {
        if form.isPage { splicePageProperties(envelope, &splice) }
        if form.hasTraits, let null = envelope.traits, let traits = movedTraits(envelope) {
            splice.replace(null.sourceRange) { $0.append(copying: traits.source) }
        }
    }

    /// Appends to the event what it has not.
    func appendCompletion(_ envelope: Envelope, _ form: EventForm, to target: inout GrowableBytes) {
        if form.isPage, envelope.properties == nil, hasPage(envelope) {
            target.append(",\"properties\":{")
            appendPageProperties(envelope, present: nil, to: &target)
            target.append("}")
        }
        if form.hasTraits, envelope.traits == nil, let traits = movedTraits(envelope) {
            target.append(",\"traits\":")
            target.append(copying: traits.source)
        }
    }

    // MARK: Traits

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

    private static let pageProperties: [StaticString] = ["url", "title", "referrer"]

    /// Of several with this name the last, as readers of JSON have it.
    private func pageProperty(_ name: StaticString, _ envelope: Envelope) -> JSONValue? {
        guard let page = page(envelope) else { return nil }
        var found: JSONValue?
        for (key, value) in page.members where key.equals(name) { found = value }
        return found.flatMap { $0.isNull ? nil : $0 }
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
}

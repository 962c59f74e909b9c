internal import EventModel
internal import RecordFormat

/// What the service knows of where a request's events come from: the client's address, its place, its user agent. Writes it into each
/// event's `context`.
///
/// Added: `ip`, `geo` and `bot`; `browser`, `os` and `device` where the client gave none. Replaced: `ip` and `geo` unless the key is
/// trusted with them, `bot` where we know better, and what is null where one of these is to be. A place that an untrusted client
/// gives becomes null where the database knows none. With anonymized addresses a trusted client's own is masked too, and becomes null
/// where it is no address. Places are looked up by the whole address.
struct RequestContext: ~Copyable {
    /// An address as JSON text, and its place; empty where none is known.
    private struct Whereabouts: ~Copyable {
        var address: IPAddress?
        var text = GrowableBytes()
        var geo = GrowableBytes()

        mutating func set(_ address: IPAddress?, _ enricher: Enricher) {
            self.address = address
            text.removeAll()
            geo.removeAll()
            guard let address else { return text.append("null") }
            text.append("\"")
            enricher.stored(address).append(to: &text)
            text.append("\"")
            _ = enricher.geo?.append(geoOf: address, to: &geo)
        }
    }

    private var enricher: Enricher?
    private var trustsClientContext = false
    /// Of the HTTP request; an event's own comes first.
    private var userAgentField: [UInt8] = []
    /// Of the client that sent the request.
    private var sender = Whereabouts()
    /// Of the last address that an event gave itself, as events of one request often have the same.
    private var told = Whereabouts()
    private var isTold = false
    /// Of the last user agent.
    private var facts: UserAgentFacts? { didSet { isUsualKnown = false } }
    /// What is added to a context that has nothing of it, each member with a comma before it: the same for most events of a request.
    private var usual = GrowableBytes()
    private var isUsualKnown = false

    init() {}

    // MARK: For a request

    mutating func begin(_ enricher: Enricher, address: IPAddress, userAgent: String?) {
        self.enricher = enricher
        trustsClientContext = false
        userAgentField.removeAll(keepingCapacity: true)
        if let userAgent { userAgentField += userAgent.utf8 }
        facts = nil
        isUsualKnown = false
        told.address = nil
        if sender.address != address { sender.set(address, enricher) }
    }

    /// The key is known, and with it whose word counts.
    mutating func authorized(trustsClientContext: Bool) {
        self.trustsClientContext = trustsClientContext
        // What a server calls itself says nothing of its users.
        if trustsClientContext { userAgentField.removeAll(keepingCapacity: true) }
    }

    // MARK: For an event

    /// To be called before `splice` and `appendObject`.
    mutating func look(at members: ContextMembers) {
        isTold = false
        guard let enricher else { preconditionFailure("a request begins first") }
        if trustsClientContext, let ip = members.ip, !ip.isNull {
            isTold = true
            let address = ip.isString ? IPAddress(utf8: ip.stringBytes) : nil
            if address == nil || address != told.address { told.set(address, enricher) }
        }
        guard let parser = enricher.userAgents else { return }
        if let userAgent = members.userAgent, userAgent.isString {
            look(at: userAgent.stringBytes, parser)
        } else if userAgentField.isEmpty {
            facts = nil
        } else {
            userAgentField.withUnsafeBytes { look(at: $0, parser) }
        }
    }

    private mutating func look(at userAgent: UnsafeRawBufferPointer, _ parser: UserAgentParser) {
        let text = UserAgentParser.cut(userAgent)
        if let facts, facts.userAgent.withUnsafeBytes({ $0.holdsSameBytes(as: text) }) { return }
        facts = parser.facts(for: text)
    }

    /// Collects the changes to `context`. One that is absent, or no object, is `appendObject`'s.
    mutating func splice(_ context: JSONValue, _ members: ContextMembers, _ splice: inout Splice) {
        guard isTold || !members.hasNoneOfOurs else {
            if !isUsualKnown { writeUsual() }
            let usual = usual.bytes
            return splice.appendMembers(to: context) {
                $0.append(copying: UnsafeRawBufferPointer(rebasing: usual.dropFirst(members.isEmpty ? 1 : 0)))
            }
        }
        if let ip = members.ip, !isTold {
            Self.replace(ip, sender.text.bytes, &splice)
        } else if let ip = members.ip, enricher?.anonymizesAddresses == true {
            Self.replace(ip, told.text.bytes, &splice)
        }
        spliceGeo(members, &splice)
        replaceNull(members.device, device, &splice)
        replaceNull(members.operatingSystem, operatingSystem, &splice)
        replaceNull(members.browser, browser, &splice)
        if let given = members.bot, !bot.isEmpty { Self.replace(given, bot, &splice) }
        splice.appendMembers(to: context) { target in
            var isFirst = members.isEmpty
            if members.ip == nil { Self.append("ip", sender.text.bytes, &isFirst, &target) }
            if members.geo == nil { Self.append("geo", isTold ? told.geo.bytes : sender.geo.bytes, &isFirst, &target) }
            if members.device == nil { Self.append("device", device, &isFirst, &target) }
            if members.operatingSystem == nil { Self.append("os", operatingSystem, &isFirst, &target) }
            if members.browser == nil { Self.append("browser", browser, &isFirst, &target) }
            if members.bot == nil { Self.append("bot", bot, &isFirst, &target) }
        }
    }

    /// Appends the whole object for an event without one.
    func appendObject(to target: inout GrowableBytes) {
        target.append("{")
        appendAll(isFirst: true, to: &target)
        target.append("}")
    }

    private mutating func writeUsual() {
        var text = GrowableBytes()
        swap(&text, &usual)
        text.removeAll()
        appendAll(isFirst: false, to: &text)
        swap(&text, &usual)
        isUsualKnown = true
    }

    private func appendAll(isFirst: Bool, to target: inout GrowableBytes) {
        var isFirst = isFirst
        Self.append("ip", sender.text.bytes, &isFirst, &target)
        Self.append("geo", sender.geo.bytes, &isFirst, &target)
        Self.append("device", device, &isFirst, &target)
        Self.append("os", operatingSystem, &isFirst, &target)
        Self.append("browser", browser, &isFirst, &target)
        Self.append("bot", bot, &isFirst, &target)
    }

    private func spliceGeo(_ members: ContextMembers, _ splice: inout Splice) {
        guard let given = members.geo, !(trustsClientContext && !given.isNull) else { return }
        let known = isTold ? told.geo.bytes : sender.geo.bytes
        if !known.isEmpty {
            Self.replace(given, known, &splice)
        } else if enricher?.geo != nil, !given.isNull {
            splice.replace(given.sourceRange) { $0.append("null") }
        }
    }

    // MARK: Texts

    private var device: [UInt8] { enricher?.addsUserAgents == true ? facts?.device ?? [] : [] }
    private var operatingSystem: [UInt8] { enricher?.addsUserAgents == true ? facts?.operatingSystem ?? [] : [] }
    private var browser: [UInt8] { enricher?.addsUserAgents == true ? facts?.browser ?? [] : [] }
    private var bot: [UInt8] { enricher?.marksBots == true ? facts?.bot ?? [] : [] }

    private func replaceNull(_ given: JSONValue?, _ text: [UInt8], _ splice: inout Splice) {
        if let given, given.isNull, !text.isEmpty { Self.replace(given, text, &splice) }
    }

    private static func replace(_ given: JSONValue, _ text: [UInt8], _ splice: inout Splice) {
        text.withUnsafeBytes { replace(given, $0, &splice) }
    }

    private static func replace(_ given: JSONValue, _ text: UnsafeRawBufferPointer, _ splice: inout Splice) {
        splice.replace(given.sourceRange) { $0.append(copying: text) }
    }

    private static func append(
        _ name: StaticString, _ text: [UInt8], _ isFirst: inout Bool, _ target: inout GrowableBytes
    ) {
        text.withUnsafeBytes { append(name, $0, &isFirst, &target) }
    }

    private static func append(
        _ name: StaticString, _ text: UnsafeRawBufferPointer, _ isFirst: inout Bool, _ target: inout GrowableBytes
    ) {
        if text.isEmpty { return }
        target.append(isFirst ? "\"" : ",\"")
        target.append(name)
        target.append("\":")
        target.append(copying: text)
        isFirst = false
    }
}

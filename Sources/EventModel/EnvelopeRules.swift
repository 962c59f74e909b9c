/// The rules that every event must keep, whatever its name. (What its name asks for is the catalogue's business.)
public struct EnvelopeRules: Sendable {
    public static let eventCharactersMax = 128
    public static let messageIDCharactersMax = 256
    public static let identifierCharactersMax = 256
    /// Names and values of one event; 32 KiB of real properties stay far below.
    public static let valuesMax = 8192

    /// Where the event has its name from.
    public let naming: EventNaming

    public init(naming: EventNaming = .own) { self.naming = naming }

    /// Appends what is wrong with `event` to `violations`.
    public func check(_ event: JSONValue, _ envelope: Envelope, into violations: inout [EventViolation]) {
        guard event.isObject else {
            violations.append(.init(path: "", keyword: "type", message: "an event must be an object"))
            return
        }
        guard event.descendantCount <= Self.valuesMax else {
            violations.append(
                .init(path: "", keyword: "maxProperties", message: "more than \(Self.valuesMax) names and values"))
            return
        }
        checkName(envelope, &violations)
        checkText(envelope.userID, "/userId", Self.identifierCharactersMax, &violations)
        checkText(envelope.anonymousID, "/anonymousId", Self.identifierCharactersMax, &violations)
        checkText(envelope.sessionID, "/sessionId", Self.identifierCharactersMax, &violations)
        checkText(envelope.messageID, "/messageId", Self.messageIDCharactersMax, &violations)
        if isAbsent(envelope.userID) && isAbsent(envelope.anonymousID) {
            violations.append(
                .init(path: "", keyword: "required", message: "userId or anonymousId is required"))
        }
        checkTime(envelope.timestamp, "/timestamp", &violations)
        checkTime(envelope.sentAt, "/sentAt", &violations)
        checkObject(envelope.context, "/context", &violations)
        checkObject(envelope.properties, "/properties", &violations)
        checkObject(envelope.traits, "/traits", &violations)
        checkNames(event, "", &violations)
        if let context = envelope.context { checkNames(context, "/context", &violations) }
        if let properties = envelope.properties { checkNames(properties, "/properties", &violations) }
        if let traits = envelope.traits { checkNames(traits, "/traits", &violations) }
    }

    /// Whether an event may be called so.
    public static func isEventName(_ name: UnsafeRawBufferPointer) -> Bool {
        !name.isEmpty && (name.count <= eventCharactersMax || characterCount(name) <= eventCharactersMax)
    }

    private func isAbsent(_ value: JSONValue?) -> Bool { value?.isNull ?? true }

    private func checkName(_ envelope: Envelope, _ violations: inout [EventViolation]) {
        switch naming {
        case .own:
            if isAbsent(envelope.event) {
                violations.append(.init(path: "", keyword: "required", message: "event is required"))
            }
            checkText(envelope.event, "/event", Self.eventCharactersMax, &violations)
        case .given(let name):
            checkText(envelope.event, "/event", Self.eventCharactersMax, &violations)
            if let value = envelope.event, value.isString, !value.equals(name) {
                violations.append(
                    .init(
                        path: "/event", keyword: "const",
                        message: "event must be \"\(name)\" at this address, or be left out"))
            }
        case .replaced: break
        case .unknownType(let known):
            violations.append(
                isAbsent(envelope.type)
                    ? .init(path: "", keyword: "required", message: "type is required: one of \(known)")
                    : .init(path: "/type", keyword: "enum", message: "must be one of \(known)"))
        }
    }

    private func checkText(
        _ value: JSONValue?, _ path: String, _ charactersMax: Int, _ violations: inout [EventViolation]
    ) {
        guard let value, !value.isNull else { return }
        guard value.isString else {
            violations.append(.init(path: path, keyword: "type", message: "must be a string"))
            return
        }
        let bytes = value.stringBytes
        if bytes.isEmpty {
            violations.append(.init(path: path, keyword: "minLength", message: "must not be empty"))
        } else if bytes.count > charactersMax, Self.characterCount(bytes) > charactersMax {
            violations.append(
                .init(path: path, keyword: "maxLength", message: "must not be longer than \(charactersMax) characters"))
        }
    }

    private func checkTime(_ value: JSONValue?, _ path: String, _ violations: inout [EventViolation]) {
        guard let value, !value.isNull else { return }
        guard value.isString, Timestamp.milliseconds(value.stringBytes) != nil else {
            violations.append(
                .init(
                    path: path, keyword: value.isString ? "format" : "type",
                    message: "must be a date-time such as \"2026-01-21T10:30:45.123Z\""))
            return
        }
    }

    private func checkObject(_ value: JSONValue?, _ path: String, _ violations: inout [EventViolation]) {
        guard let value, !value.isNull, !value.isObject else { return }
        violations.append(.init(path: path, keyword: "type", message: "must be an object"))
    }

    /// Refuses a name that stands twice: which of the two counts would depend on the reader.
    private func checkNames(_ object: JSONValue, _ path: String, _ violations: inout [EventViolation]) {
        guard let twice = RepeatedName.first(in: object) else { return }
        violations.append(
            .init(
                path: "\(path)/\(JSONPointer.escaped(RepeatedName.shown(twice)))", keyword: "uniqueNames",
                message: "stands more than once"))
    }

    private static func characterCount(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    }
}

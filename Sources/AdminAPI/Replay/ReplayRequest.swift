internal import Consumption
internal import EventLog
internal import EventModel
internal import HTTPTypes

/// What `POST /api/admin/events/replay` asks for, read strictly: what is unknown, missing or malformed is refused by name.
struct ReplayRequest {
    private static let namesMax = 100
    private static let eventsPerSecondMax: Int64 = 10_000_000

    let bounds: ReplayBounds
    var events: [String] = []
    var user: String?
    /// nil: only counted.
    var target: String?
    var eventsPerSecond: Int?
    var isDry = false

    init(_ body: [UInt8]) throws(AdminError) {
        let document: JSONDocument
        do throws(JSONGrammar.Violation) {
            document = try JSONDocument(body)
        } catch {
            throw AdminError(.badRequest, "invalid_body", "the body is no JSON: \(error.message) at byte \(error.position)")
        }
        self = try document.withRoot { root throws(AdminError) in try ReplayRequest(root) }
    }

    private init(_ root: JSONValue) throws(AdminError) {
        try Self.check(root, "the body", ["from", "to", "filter", "target", "eventsPerSecond", "dryRun"])
        guard let from = Self.member(root, "from") else {
            throw Self.wrong(
                "from", "\"earliest\", {\"offsets\":{\"0\":12}} or {\"timestamp\":\"2026-01-21T10:30:45Z\"}; it is missing")
        }
        let start: ReplayBounds.Start
        if from.equals("earliest") {
            start = .earliest
        } else {
            switch try Self.place(from, "from", or: "earliest") {
            case .time(let time): start = .time(time)
            case .offsets(let offsets): start = .offsets(offsets)
            }
        }
        var end = ReplayBounds.End.latest
        if let to = Self.member(root, "to"), !to.equals("latest") {
            switch try Self.place(to, "to", or: "latest") {
            case .time(let time): end = .time(time)
            case .offsets(let offsets): end = .offsets(offsets)
            }
        }
        bounds = ReplayBounds(start: start, end: end)
        if let filter = Self.member(root, "filter") { try read(filter: filter) }
        if let rate = Self.member(root, "eventsPerSecond") {
            guard let number = rate.integer, (0...Self.eventsPerSecondMax).contains(number) else {
                throw Self.wrong("eventsPerSecond", "a whole number from 0 (no limit) to \(Self.eventsPerSecondMax)")
            }
            eventsPerSecond = number == 0 ? nil : Int(number)
        }
        if let dry = Self.member(root, "dryRun") {
            guard let value = dry.bool else { throw Self.wrong("dryRun", "true or false") }
            isDry = value
        }
        if let target = Self.member(root, "target") {
            guard let text = target.string else { throw Self.wrong("target", "text such as \"topic:copy\"") }
            self.target = text
        } else if !isDry {
            throw Self.wrong("target", "text such as \"topic:copy\"; it is missing")
        }
    }

    private mutating func read(filter: JSONValue) throws(AdminError) {
        try Self.check(filter, "filter", ["events", "userId"])
        if let names = Self.member(filter, "events") {
            guard names.isArray else { throw Self.wrong("filter.events", "a list of names") }
            for name in names.elements {
                guard let name = name.string, events.count < Self.namesMax else {
                    throw Self.wrong("filter.events", "a list of at most \(Self.namesMax) names")
                }
                events.append(name)
            }
        }
        if let id = Self.member(filter, "userId") {
            guard let text = id.string else { throw Self.wrong("filter.userId", "text") }
            // As the empty list of names: it leaves nothing out.
            user = text.isEmpty ? nil : text
        }
    }

    private enum Place {
        case time(Int64)
        case offsets([Int: Int64])
    }

    private static func place(_ value: JSONValue, _ name: String, or word: StaticString) throws(AdminError) -> Place {
        let must = "\"\(word)\", {\"offsets\":{\"0\":12}} or {\"timestamp\":\"2026-01-21T10:30:45Z\"}"
        guard value.isObject else { throw wrong(name, must) }
        try check(value, name, ["offsets", "timestamp"])
        switch (member(value, "offsets"), member(value, "timestamp")) {
        case (let offsets?, nil):
            var places: [Int: Int64] = [:]
            guard offsets.isObject else { throw wrong("\(name).offsets", "an object such as {\"0\":12}, offsets by partition") }
            for (key, offset) in offsets.members {
                let key = key.string ?? ""
                guard let partition = Int(key), partition >= 0, String(partition) == key, let offset = offset.integer, offset >= 0
                else {
                    throw wrong("\(name).offsets", "an object such as {\"0\":12}, offsets by partition, each from 0 on")
                }
                places[partition] = offset
            }
            if places.isEmpty { throw wrong("\(name).offsets", "of one partition at least") }
            return .offsets(places)
        case (nil, let time?):
            if let number = time.integer, number >= 0 { return .time(number) }
            guard time.isString, let parsed = Timestamp.milliseconds(time.stringBytes) else {
                throw wrong("\(name).timestamp", "a time such as \"2026-01-21T10:30:45.123Z\", or milliseconds since 1970")
            }
            return .time(parsed)
        default: throw wrong(name, must)
        }
    }

    /// A member that is there and not null.
    private static func member(_ object: JSONValue, _ name: StaticString) -> JSONValue? {
        object.member(name).flatMap { $0.isNull ? nil : $0 }
    }

    private static func check(_ object: JSONValue, _ name: String, _ known: [String]) throws(AdminError) {
        guard object.isObject else { throw wrong(name, "an object") }
        if let twice = RepeatedName.first(in: object) {
            throw AdminError(.badRequest, "invalid_body", "\(name) has \(RepeatedName.shown(twice)) twice")
        }
        for (key, _) in object.members {
            guard let key = key.string, known.contains(key) else {
                throw AdminError(
                    .badRequest, "invalid_body",
                    "\(name) has no member \(key.string ?? ""); known are \(known.joined(separator: ", "))")
            }
        }
    }

    private static func wrong(_ name: String, _ must: String) -> AdminError {
        AdminError(.badRequest, "invalid_body", "\(name) must be \(must)")
    }
}

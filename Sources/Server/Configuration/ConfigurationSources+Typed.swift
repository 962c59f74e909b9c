internal import EventModel
internal import Foundation
internal import Ingestion

/// Values with their types; each error names the key, what it holds and what it must hold.
extension ConfigurationSources {
    package func text(_ path: String) throws -> String? {
        switch values[path] {
        case nil, .null: nil
        case .text(let text), .environmentText(let text): text
        case .some(let other): throw wrongType(path, other, "text")
        }
    }

    package func boolean(_ path: String) throws -> Bool? {
        switch values[path] {
        case nil, .null: nil
        case .bool(let value): value
        case .environmentText("true"): true
        case .environmentText("false"): false
        case .some(let other): throw wrongType(path, other, "true or false")
        }
    }

    package func integer(_ path: String, _ range: ClosedRange<Int>) throws -> Int? {
        let found: Int64
        switch values[path] {
        case nil, .null: return nil
        case .integer(let value): found = value
        case .environmentText(let text):
            guard let value = Int64(text) else { throw wrongType(path, .environmentText(text), "a whole number") }
            found = value
        case .some(let other): throw wrongType(path, other, "a whole number")
        }
        guard let value = Int(exactly: found), range.contains(value) else {
            throw ConfigurationError("\(path) is \(found); it must be \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Milliseconds of a duration such as `"5s"`: a whole number and ms, s, m, h or d.
    package func duration(_ path: String) throws -> Int64? {
        guard let text = try text(path) else { return nil }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let units: [String: Int64] = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        let unit = text.dropFirst(digits.count)
        if text == "0" { return 0 }
        guard let count = Int64(digits), let factor = units[String(unit)], count <= Int64.max / factor / 1000 else {
            throw ConfigurationError(
                "\(path) is \"\(text)\"; it must be a duration such as \"500ms\", \"5s\", \"30m\", \"24h\" or \"7d\"")
        }
        return count * factor
    }

    func timeZone(_ path: String) throws -> TimeZone? {
        guard let name = try text(path) else { return nil }
        guard let zone = TimeZone(identifier: name) else {
            throw ConfigurationError(
                "\(path) is \"\(name)\"; it must be a time zone of the IANA database, such as \"America/Santo_Domingo\" or \"UTC\""
            )
        }
        return zone
    }

    /// A list of texts; in the environment with commas between them.
    package func texts(_ path: String) throws -> [String]? {
        switch values[path] {
        case nil, .null: return nil
        case .environmentText(let text): return text.split(separator: ",").map { $0.trimmingSpaces() }
        case .array(let elements):
            return try elements.map { element in
                guard case .text(let text) = element else { throw wrongType(path, element, "a list of texts") }
                return text
            }
        case .some(let other): throw wrongType(path, other, "a list of texts")
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ path: String, _: Choice.Type
    ) throws -> Choice? where Choice.RawValue == String {
        guard let text = try text(path) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let all = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
            throw ConfigurationError("\(path) is \"\(text)\"; it must be \(all)")
        }
        return choice
    }

    /// `WriteKey` and `WriteKeys` together; empty where neither is set.
    func writeKeys() throws -> [WriteKey] {
        var keys: [WriteKey] = []
        if let key = try text("EventTracking.WriteKey") {
            guard !key.isEmpty else { throw ConfigurationError("EventTracking.WriteKey is empty") }
            keys.append(WriteKey(key: key))
        }
        let path = "EventTracking.WriteKeys"
        switch values[path] {
        case nil, .null: break
        case .array(let elements):
            for (number, element) in elements.enumerated() { keys.append(try writeKey(element, "\(path)[\(number)]")) }
        case .environmentText(let text):
            keys += text.split(separator: ",").map { WriteKey(key: String($0), name: "key-\($0.prefix(4))") }
        case .some(let other): throw wrongType(path, other, "a list")
        }
        var seen: Set<String> = []
        for key in keys where !seen.insert(key.key).inserted {
            throw ConfigurationError("\(path): the key of \(key.name) stands twice")
        }
        return keys
    }

    private static let keyNameCharactersMax = 128

    private func writeKey(_ value: ConfigurationValue, _ path: String) throws -> WriteKey {
        if case .text(let key) = value { return WriteKey(key: key, name: "key-\(key.prefix(4))") }
        guard case .object(let members) = value else { throw wrongType(path, value, "text or an object") }
        var result = WriteKey(key: "", name: "")
        for (name, member) in members {
            let here = "\(path).\(name)"
            switch (name, member) {
            case ("Key", .text(let text)), ("Key", .environmentText(let text)): result.key = text
            case ("Name", .text(let text)), ("Name", .environmentText(let text)): result.name = text
            case ("Disabled", .bool(let flag)): result.isDisabled = flag
            case ("TrustClientContext", .bool(let flag)): result.trustsClientContext = flag
            case ("AllowedOrigins", .array(let origins)):
                result.allowedOrigins = try origins.map { origin in
                    guard case .text(let text) = origin else { throw wrongType(here, origin, "a list of texts") }
                    return text
                }
            case ("PerIP", .integer(let events)):
                guard let events = Int(exactly: events), (0...TokenBucket.eventsPerSecondMax).contains(events) else {
                    throw ConfigurationError("\(here) is \(events); it must be 0 to \(TokenBucket.eventsPerSecondMax)")
                }
                result.addressEventsPerSecond = events
            case ("PerIP", _): throw wrongType(here, member, "a whole number")
            case ("Key", _), ("Name", _): throw wrongType(here, member, "text")
            case ("Disabled", _), ("TrustClientContext", _): throw wrongType(here, member, "true or false")
            case ("AllowedOrigins", _): throw wrongType(here, member, "a list of texts")
            default:
                throw ConfigurationError(
                    "unknown key \(here); a write key has Key, Name, AllowedOrigins, PerIP, TrustClientContext, Disabled")
            }
        }
        guard !result.key.isEmpty else { throw ConfigurationError("\(path).Key is missing") }
        if result.name.isEmpty { result.name = "key-\(result.key.prefix(4))" }
        guard result.name.unicodeScalars.count <= Self.keyNameCharactersMax else {
            throw ConfigurationError("\(path).Name is longer than \(Self.keyNameCharactersMax) characters")
        }
        return result
    }

    private func wrongType(_ path: String, _ value: ConfigurationValue, _ wanted: String) -> ConfigurationError {
        ConfigurationError("\(path) is \(value.kindName); it must be \(wanted)")
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

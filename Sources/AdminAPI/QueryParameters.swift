internal import EventModel
internal import Hummingbird

/// A request's query, read strictly: what is unknown, doubled or malformed is refused by name.
struct QueryParameters {
    private var values: [String: String] = [:]

    init(_ request: Request, known: [String]) throws(AdminError) {
        for (name, value) in request.uri.queryParameters {
            guard known.contains(String(name)) else {
                throw AdminError(
                    .badRequest, "unknown_parameter",
                    "there is no parameter \(name) here; known are \(known.joined(separator: ", "))")
            }
            guard values.updateValue(String(value), forKey: String(name)) == nil else {
                throw AdminError(.badRequest, "invalid_parameter", "\(name) is given twice")
            }
        }
    }

    func text(_ name: String) -> String? { values[name] }

    func integer(_ name: String, _ range: ClosedRange<Int64>) throws(AdminError) -> Int64? {
        guard let text = values[name] else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            let upper = range.upperBound == .max ? "" : " to \(range.upperBound)"
            throw AdminError(parameter: name, text, must: "a whole number from \(range.lowerBound)\(upper)")
        }
        return number
    }

    /// Milliseconds since 1970: a date-time as RFC 3339 has it, or the number itself.
    func time(_ name: String) throws(AdminError) -> Int64? {
        guard let text = values[name] else { return nil }
        if let number = Int64(text), number >= 0 { return number }
        guard let time = Array(text.utf8).withUnsafeBytes(Timestamp.milliseconds) else {
            throw AdminError(parameter: name, text, must: "a time such as 2026-01-21T10:30:45.123Z, or milliseconds since 1970")
        }
        return time
    }
}

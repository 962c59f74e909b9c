package import EventModel

/// What is told of an event that is not looked into.
extension IngestLimits {
    /// nil where an event may have so many bytes.
    package func violation(eventBytes: Int) -> EventViolation? {
        if eventBytes <= payloadBytes { return nil }
        return EventViolation(path: "", keyword: "maxBytes", message: "has \(eventBytes) bytes, the most is \(payloadBytes)")
    }

    /// Of an event that is JSON, but none that the parser reads.
    package static func violation(_ refusal: JSONParser.Refusal) -> EventViolation {
        let (keyword, message) =
            switch refusal {
            case .tooDeep: ("maxDepth", "nested deeper than \(depthMax)")
            case .numberOutOfRange: ("range", "holds a number that 64 bits, or a double, cannot hold")
            case .malformed, .tooLong: ("parse", "holds a value that cannot be read")
            }
        return EventViolation(path: "", keyword: keyword, message: message)
    }
}

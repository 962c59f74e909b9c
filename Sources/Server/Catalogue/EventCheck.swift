package import EventModel
internal import Ingestion

/// Checks events as the service does before it stores them, without one.
package final class EventCheck {
    private let catalogue: Catalogue
    private let limits: IngestLimits
    private let parser = JSONParser(depthMax: IngestLimits.parserDepthMax)

    /// - Parameter environment: what a service would have; of it, how long an event may be counts here.
    package init(_ catalogue: Catalogue, environment: [String: String]) throws {
        self.catalogue = catalogue
        var sources = ConfigurationSources()
        try sources.add(environment: environment.filter { $0.key == "EVENT_TRACKING_MAX_PAYLOAD_SIZE" })
        limits = try Settings(sources).limits
    }

    /// What is wrong with the event of this text; empty where the service would take it.
    ///
    /// - Throws: where and why it is no JSON.
    package func violations(_ event: some Collection<UInt8>) throws(JSONGrammar.Violation) -> [EventViolation] {
        var text = Array(event)
        let count = text.count
        text += Array(repeating: 0, count: JSONParser.padding)
        let found: Result<[EventViolation], JSONGrammar.Violation> = text.withUnsafeMutableBytes { bytes in
            let body = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
            return Result { () throws(JSONGrammar.Violation) in try violations(body) }
        }
        return try found.get()
    }

    private func violations(_ text: UnsafeMutableRawBufferPointer) throws(JSONGrammar.Violation) -> [EventViolation] {
        let body = UnsafeRawBufferPointer(text)
        if let view = try? parser.parse(body) { return violations(view.root) }
        _ = try JSONGrammar.outline(body)
        _ = LoneSurrogates.replace(in: text)
        do throws(JSONParser.Refusal) {
            return violations(try parser.parse(body).root)
        } catch {
            return [IngestLimits.violation(error)]
        }
    }

    private func violations(_ event: JSONValue) -> [EventViolation] {
        if let violation = limits.violation(eventBytes: event.sourceRange.count) { return [violation] }
        var violations: [EventViolation] = []
        let envelope = Envelope(of: event)
        EnvelopeRules().check(event, envelope, into: &violations)
        if violations.isEmpty, let name = envelope.event { catalogue.check(event, named: name.stringBytes, into: &violations) }
        return violations
    }
}

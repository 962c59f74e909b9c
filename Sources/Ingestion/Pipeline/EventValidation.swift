package import EventModel

/// Whether an event may be stored: the envelope's rules, then what the schema of its name asks for.
package struct EventValidation {
    private let endpoint: IngestEndpoint
    private let catalogue: Catalogue

    package init(_ endpoint: IngestEndpoint, _ catalogue: Catalogue) {
        self.endpoint = endpoint
        self.catalogue = catalogue
    }

    /// Appends what is wrong with the event to `violations`, which is empty. `completed` is memory.
    package func check(
        _ event: JSONValue, _ envelope: Envelope, storedAs stored: borrowing StoredEvent, _ completed: CompletedEvent,
        into violations: inout [EventViolation]
    ) {
        EnvelopeRules(naming: endpoint.form(of: envelope).naming).check(event, envelope, into: &violations)
        guard violations.isEmpty, let name = endpoint.name(of: envelope) else { return }
        guard stored.isCompleted(envelope) else { return catalogue.check(event, named: name, into: &violations) }
        // What its context gives to its properties or traits counts; what the service adds to it is not the client's.
        catalogue.check(completed.parse(event, envelope, storedAs: stored), named: name, into: &violations)
    }
}

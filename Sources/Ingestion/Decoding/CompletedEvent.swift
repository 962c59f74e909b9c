internal import EventModel
internal import RecordFormat

/// An event with properties that its context gave it, parsed once more: what a schema asks for may only be there then. For one thread at
/// a time.
package final class CompletedEvent {
    private var parser: JSONParser?
    private var text = GrowableBytes()
    private var splice = Splice()

    package init() {}

    /// The event as `stored` completes it, valid until the next call.
    func parse(_ event: JSONValue, _ envelope: Envelope, storedAs stored: borrowing StoredEvent) -> JSONValue {
        stored.complete(event, envelope, into: &splice)
        text.removeAll()
        splice.write(event, to: &text)
        let count = text.count
        text.appendZeros(JSONParser.padding)
        let parser = parser ?? JSONParser(depthMax: IngestLimits.parserDepthMax)
        self.parser = parser
        do {
            return try parser.parse(UnsafeRawBufferPointer(rebasing: text.bytes[..<count])).root
        } catch {
            preconditionFailure("values of an event that was parsed, none of them deeper than before")
        }
    }
}

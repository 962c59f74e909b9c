internal import EventModel
internal import RecordFormat

/// What an event says of its session.
struct SessionEvent {
    private static let depthMax = 512
    /// A session of which the last event is long past when it is received, as after a time without a network, waits so long for
    /// more of them.
    private static let gatheringMax: Int64 = 60_000

    private let parser = JSONParser(depthMax: SessionEvent.depthMax)
    /// In milliseconds.
    let timeout: Int64

    init(timeout: Int64) { self.timeout = timeout }

    struct Reading {
        let session: ExactText
        let subject: DerivedEvent.Subject
        let spans: SessionSpans
    }

    /// nil where the event has no session.
    ///
    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    func read(_ record: RecordView) throws(JSONParser.Refusal) -> Reading? {
        guard let value = record.value else { return nil }
        let event = try parser.parse(value).root
        guard let session = event.member("sessionId")?.string, !session.isEmpty else { return nil }
        let received = record.timestamp
        let said = event.member("timestamp").flatMap { $0.isString ? Timestamp.milliseconds($0.stringBytes) : nil }
        // A clock that is ahead says nothing of when it was.
        let time = max(0, min(said ?? received, received))
        let until = max(time + timeout, received + min(timeout, Self.gatheringMax))
        return Reading(
            session: ExactText(session),
            subject: .init(user: event.member("userId")?.string, anonymous: event.member("anonymousId")?.string),
            spans: SessionSpans(.init(first: received, until: until, started: time, last: time)))
    }
}

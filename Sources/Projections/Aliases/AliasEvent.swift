internal import EventLog
internal import EventModel
internal import Foundation
internal import RecordFormat

/// Reads out of a stored event which id it makes whose.
struct AliasEvent {
    private let parser = JSONParser(depthMax: AliasEvent.depthMax)
    private let hasher: RecordIdentityHasher

    /// Deeper than events can be.
    static let depthMax = 512

    init(hasher: RecordIdentityHasher) { self.hasher = hasher }

    struct Reading {
        var row: AliasRow?
        /// Of an `identify` event.
        var identified: DerivedEvent?
    }

    /// nil where the event says nothing of the kind.
    ///
    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    func read(_ record: RecordView, partition: Int) throws(JSONParser.Refusal) -> Reading? {
        guard let name = record.header("event"), let value = record.value, let kind = Self.kind(name) else { return nil }
        let event = try parser.parse(value).root
        guard let user = event.member("userId")?.string, !user.isEmpty else { return nil }
        return Reading(
            row: Self.row(event, kind, user: user, record, partition),
            identified: kind == .identify ? identified(event, user: user, record, partition) : nil)
    }

    private static func row(
        _ event: JSONValue, _ kind: AliasRow.Kind, user: String, _ record: RecordView, _ partition: Int
    ) -> AliasRow? {
        guard let id = event.member(kind == .identify ? "anonymousId" : "previousId")?.string, !id.isEmpty else { return nil }
        let row = AliasRow(
            id: ExactText(id), user: ExactText(user), kind: kind, time: record.timestamp, partition: partition,
            offset: record.offset)
        // Of an id that is its own user's there is nothing to say, unless it is an anonymous one that happens to be called so.
        return row.kind == .alias && row.id == row.user ? nil : row
    }

    private func identified(_ event: JSONValue, user: String, _ record: RecordView, _ partition: Int) -> DerivedEvent {
        let traits = event.member("traits") ?? event.member("context")?.member("traits")
        return DerivedEvent(
            // The offset alone would be another event's after a power cut took the end of a log that does not sync.
            .userIdentified,
            cause:
                "\(partition) \(record.offset) \(record.header("messageId").map { String(decoding: $0, as: UTF8.self) } ?? "")",
            of: .init(user: user, anonymous: event.member("anonymousId")?.string), key: user, time: record.timestamp,
            members: [("traits", traits.map { Data($0.source) } ?? DerivedEvent.json(nil))], hasher: hasher)
    }

    private static func kind(_ name: UnsafeRawBufferPointer) -> AliasRow.Kind? {
        if name.elementsEqual("identify".utf8) { return .identify }
        if name.elementsEqual("alias".utf8) { return .alias }
        return nil
    }
}

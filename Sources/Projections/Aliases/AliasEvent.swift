internal import Consumption
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
        guard let name = record.header("event"), let value = record.value, let kind = AliasClaim.Kind(event: name) else {
            return nil
        }
        let event = try parser.parse(value).root
        guard let claim = AliasClaim(kind, event: event) else { return nil }
        return Reading(
            row: claim.id.map { id in
                AliasRow(
                    id: id, user: claim.user, kind: kind, time: record.timestamp, partition: partition, offset: record.offset)
            },
            identified: kind == .identify ? identified(event, user: claim.user.string, record, partition) : nil)
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
}

internal import EventModel
internal import RecordFormat

/// Reads out of a stored event which id it makes whose.
struct AliasEvent {
    private let parser = JSONParser(depthMax: AliasEvent.depthMax)

    /// Deeper than events can be.
    static let depthMax = 512

    /// nil where the event says nothing of the kind.
    ///
    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    func row(_ record: RecordView, partition: Int) throws(JSONParser.Refusal) -> AliasRow? {
        guard let name = record.header("event"), let value = record.value, let kind = Self.kind(name) else { return nil }
        let event = try parser.parse(value).root
        guard let user = event.member("userId")?.string,
            let id = event.member(kind == .identify ? "anonymousId" : "previousId")?.string, !user.isEmpty, !id.isEmpty
        else { return nil }
        let row = AliasRow(
            id: ExactText(id), user: ExactText(user), kind: kind, time: record.timestamp, partition: partition,
            offset: record.offset)
        // Of an id that is its own user's there is nothing to say, unless it is an anonymous one that happens to be called so.
        return row.kind == .alias && row.id == row.user ? nil : row
    }

    private static func kind(_ name: UnsafeRawBufferPointer) -> AliasRow.Kind? {
        if name.elementsEqual("identify".utf8) { return .identify }
        if name.elementsEqual("alias".utf8) { return .alias }
        return nil
    }
}

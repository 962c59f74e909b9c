internal import EventModel
package import RecordFormat

/// An event that was rejected, as its record in the topic of rejected events has it.
package struct RejectedEvent: Sendable {
    package let offset: Int64
    /// Milliseconds since 1970.
    package let receivedAt: Int64
    /// What it would have been stored as, where that could be told.
    package let name: String?
    /// Its own, where it has one.
    package let messageID: String?
    /// What it would be stored under: of a user, or of somebody who is not known yet.
    let key: [UInt8]?
    let endpoint: IngestEndpoint
    let writeKeyName: String
    let clientAddress: IPAddress
    let userAgent: String?
    /// When its client sent the batch, by its clock.
    let sentAt: Int64?
    /// What its client sent.
    let bytes: [UInt8]

    package init(_ record: RecordView) {
        func text(_ name: StaticString) -> String? { record.header(name).map { String(decoding: $0, as: UTF8.self) } }
        offset = record.offset
        receivedAt = record.timestamp
        name = text("event")
        messageID = text("messageId")
        key = record.key.map { Array($0) }
        // Records of earlier versions say less.
        endpoint = text("endpoint").flatMap(IngestEndpoint.init(rawValue:)) ?? .events
        writeKeyName = text("writeKey") ?? ""
        clientAddress = text("clientAddress").flatMap { IPAddress($0) } ?? IPAddress(ipv4: 0)
        userAgent = text("userAgent")
        sentAt = record.header("sentAt").flatMap { Timestamp.milliseconds($0) }
        bytes = record.value.map { Array($0) } ?? []
    }
}

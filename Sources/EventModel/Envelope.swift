/// The members of an event that the service itself reads, found in one pass over its root.
public struct Envelope {
    private let view: JSONView
    /// Where each stands in the view; 0, which no member's value can have, for one that is not there.
    private var eventIndex: Int32 = 0
    private var userIDIndex: Int32 = 0
    private var anonymousIDIndex: Int32 = 0
    private var sessionIDIndex: Int32 = 0
    private var messageIDIndex: Int32 = 0
    private var timestampIndex: Int32 = 0
    private var originalTimestampIndex: Int32 = 0
    private var sentAtIndex: Int32 = 0
    private var receivedAtIndex: Int32 = 0
    private var contextIndex: Int32 = 0
    private var propertiesIndex: Int32 = 0
    private var traitsIndex: Int32 = 0
    private var writeKeyIndex: Int32 = 0
    private var typeIndex: Int32 = 0

    /// Finds the members. `null` counts as found here; the accessors below treat it as absent.
    public init(of event: JSONValue) {
        view = event.view
        for (key, value) in event.members {
            let index = Int32(truncatingIfNeeded: value.index)
            switch key.stringBytes.count {
            case 4 where key.equals("type"): typeIndex = index
            case 5 where key.equals("event"): eventIndex = index
            case 6:
                if key.equals("userId") { userIDIndex = index }
                if key.equals("traits") { traitsIndex = index }
                if key.equals("sentAt") { sentAtIndex = index }
            case 7 where key.equals("context"): contextIndex = index
            case 8 where key.equals("writeKey"): writeKeyIndex = index
            case 9:
                if key.equals("messageId") { messageIDIndex = index }
                if key.equals("timestamp") { timestampIndex = index }
                if key.equals("sessionId") { sessionIDIndex = index }
            case 10:
                if key.equals("properties") { propertiesIndex = index }
                if key.equals("receivedAt") { receivedAtIndex = index }
            case 11 where key.equals("anonymousId"): anonymousIDIndex = index
            case 17 where key.equals("originalTimestamp"): originalTimestampIndex = index
            default: break
            }
        }
    }

    public var event: JSONValue? { value(eventIndex) }
    public var userID: JSONValue? { value(userIDIndex) }
    public var anonymousID: JSONValue? { value(anonymousIDIndex) }
    public var sessionID: JSONValue? { value(sessionIDIndex) }
    public var messageID: JSONValue? { value(messageIDIndex) }
    public var timestamp: JSONValue? { value(timestampIndex) }
    public var originalTimestamp: JSONValue? { value(originalTimestampIndex) }
    public var sentAt: JSONValue? { value(sentAtIndex) }
    public var receivedAt: JSONValue? { value(receivedAtIndex) }
    public var context: JSONValue? { value(contextIndex) }
    public var properties: JSONValue? { value(propertiesIndex) }
    public var traits: JSONValue? { value(traitsIndex) }
    public var writeKey: JSONValue? { value(writeKeyIndex) }
    public var type: JSONValue? { value(typeIndex) }

    private func value(_ index: Int32) -> JSONValue? { index == 0 ? nil : view.value(Int(index)) }

    /// What the record is keyed by: `userId`, else `anonymousId`. Only for an envelope without violations.
    public var recordKey: UnsafeRawBufferPointer? {
        if let userID, userID.isString { return userID.stringBytes }
        if let anonymousID, anonymousID.isString { return anonymousID.stringBytes }
        return nil
    }
}

/// The members of an event that the service itself reads, found in one pass over its root.
package struct Envelope {
    package var event: JSONValue?
    package var userID: JSONValue?
    package var anonymousID: JSONValue?
    package var sessionID: JSONValue?
    package var messageID: JSONValue?
    package var timestamp: JSONValue?
    package var originalTimestamp: JSONValue?
    package var sentAt: JSONValue?
    package var receivedAt: JSONValue?
    package var context: JSONValue?
    package var properties: JSONValue?
    package var traits: JSONValue?
    package var writeKey: JSONValue?

    /// Finds the members. `null` counts as found here; the accessors below treat it as absent.
    package init(of event: JSONValue) {
        for (key, value) in event.members {
            let name = key.stringBytes
            switch name.count {
            case 5 where key.equals("event"): self.event = value
            case 6:
                if key.equals("userId") { userID = value }
                if key.equals("traits") { traits = value }
                if key.equals("sentAt") { sentAt = value }
            case 7 where key.equals("context"): context = value
            case 8 where key.equals("writeKey"): writeKey = value
            case 9:
                if key.equals("messageId") { messageID = value }
                if key.equals("timestamp") { timestamp = value }
                if key.equals("sessionId") { sessionID = value }
            case 10:
                if key.equals("properties") { properties = value }
                if key.equals("receivedAt") { receivedAt = value }
            case 11 where key.equals("anonymousId"): anonymousID = value
            case 17 where key.equals("originalTimestamp"): originalTimestamp = value
            default: break
            }
        }
    }

    /// What the record is keyed by: `userId`, else `anonymousId`. Only for an envelope without violations.
    package var recordKey: UnsafeRawBufferPointer? {
        if let userID, userID.isString { return userID.stringBytes }
        if let anonymousID, anonymousID.isString { return anonymousID.stringBytes }
        return nil
    }
}

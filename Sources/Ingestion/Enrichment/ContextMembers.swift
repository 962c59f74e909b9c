internal import EventModel

/// The members of an event's `context` that the service reads or writes, found in one pass.
struct ContextMembers {
    private(set) var ip: JSONValue?
    private(set) var geo: JSONValue?
    private(set) var userAgent: JSONValue?
    private(set) var device: JSONValue?
    private(set) var operatingSystem: JSONValue?
    private(set) var browser: JSONValue?
    private(set) var bot: JSONValue?
    private(set) var isEmpty = true

    /// Whether what the service adds is all that will be there of it.
    var hasNoneOfOurs: Bool {
        ip == nil && geo == nil && device == nil && operatingSystem == nil && browser == nil && bot == nil
    }

    /// Finds them; none in what is no object. `null` counts as found here.
    init(of context: JSONValue?) {
        guard let context else { return }
        for (key, value) in context.members {
            isEmpty = false
            switch key.stringBytes.count {
            case 2:
                if key.equals("ip") { ip = value }
                if key.equals("os") { operatingSystem = value }
            case 3:
                if key.equals("geo") { geo = value }
                if key.equals("bot") { bot = value }
            case 6 where key.equals("device"): device = value
            case 7 where key.equals("browser"): browser = value
            case 9 where key.equals("userAgent"): userAgent = value
            default: break
            }
        }
    }
}

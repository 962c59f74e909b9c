/// Where an event has its name from.
public enum EventNaming: Sendable {
    /// Its own `event`, which it must have.
    case own
    /// The way that it came in; its own `event`, where it has one, must say the same.
    case given(StaticString)
    /// The way that it came in, or its `type`, whatever its own `event` says.
    case replaced(StaticString)
    /// Its `type`, which is none of these.
    case unknownType(known: StaticString)

    /// The name that an event without one gets.
    public var name: StaticString? {
        switch self {
        case .given(let name), .replaced(let name): name
        case .own, .unknownType: nil
        }
    }
}

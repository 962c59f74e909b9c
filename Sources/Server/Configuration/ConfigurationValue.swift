internal import EventModel

/// A configured value before it has a type.
package indirect enum ConfigurationValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case text(String)
    /// Text that came from the environment, where everything is text: `"100"` may be a number.
    case environmentText(String)
    case array([ConfigurationValue])
    case object([(name: String, value: ConfigurationValue)])

    package static func == (a: Self, b: Self) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.double(let a), .double(let b)): a == b
        case (.text(let a), .text(let b)), (.environmentText(let a), .environmentText(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a.elementsEqual(b, by: ==)
        default: false
        }
    }

    /// What an error message calls it.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .double: "a number"
        case .text, .environmentText: "text"
        case .array: "a list"
        case .object: "an object"
        }
    }

    init(_ value: JSONValue) {
        switch value.kind {
        case .null: self = .null
        case .bool: self = .bool(value.bool!)
        case .integer: self = .integer(value.integer!)
        case .unsignedInteger, .double: self = .double(value.number!)
        case .string: self = .text(value.string!)
        case .array: self = .array(value.elements.map(ConfigurationValue.init))
        case .object: self = .object(value.members.map { ($0.key.string!, ConfigurationValue($0.value)) })
        }
    }
}

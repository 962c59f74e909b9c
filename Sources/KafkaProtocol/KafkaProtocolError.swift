/// Why bytes are no message of Kafka's protocol, in words for the log of whoever runs the server.
package enum KafkaProtocolError: Error, Equatable, CustomStringConvertible {
    case truncated(needed: Int, available: Int, position: Int)
    case negativeLength(Int, position: Int)
    /// A field that must be there is null.
    case missing(position: Int)
    case tooManyElements(limit: Int, position: Int)
    case notUTF8(position: Int)
    case malformedVarint(position: Int)
    case trailingBytes(Int)
    /// What the name of a field's value is longer than its length can say.
    case tooLong(byteCount: Int)

    package var description: String {
        switch self {
        case .truncated(let needed, let available, let position):
            "\(needed) bytes are needed at byte \(position), and \(available) are there"
        case .negativeLength(let length, let position): "the length \(length) at byte \(position) is none"
        case .missing(let position): "a field that must have a value is null at byte \(position)"
        case .tooManyElements(let limit, let position): "more than \(limit) elements at byte \(position)"
        case .notUTF8(let position): "the text at byte \(position) is not UTF-8"
        case .malformedVarint(let position): "the variable-length number at byte \(position) has no end"
        case .trailingBytes(let count): "\(count) bytes behind its end"
        case .tooLong(let byteCount): "\(byteCount) bytes are more than the field can have"
        }
    }
}

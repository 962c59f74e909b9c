/// What Redis answers to one command.
enum RedisReply: Sendable, Equatable {
    case status(String)
    case integer(Int64)
    case bytes([UInt8])
    case array([RedisReply])
    case null
    case error(String)

    var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text): text
        default: nil
        }
    }

    var number: Int64? {
        switch self {
        case .integer(let number): number
        default: text.flatMap { Int64($0) }
        }
    }

    var elements: [RedisReply]? { if case .array(let elements) = self { elements } else { nil } }
}

/// Why Redis could not do what it was asked for. Nothing was lost by it: the same is asked for again, later.
struct RedisFailure: Error, Equatable, CustomStringConvertible {
    let description: String
    /// The other side had closed the connection.
    let isOfClosedConnection: Bool

    init(_ description: String, isOfClosedConnection: Bool = false) {
        self.description = description
        self.isOfClosedConnection = isOfClosedConnection
    }

    /// Of an error that Redis answers: what it says, and where that helps what it means for an operator.
    init(_ answer: String, address: RedisAddress) {
        let hint: String? =
            switch answer.prefix(while: { $0 != " " }) {
            case "LOADING": "it reads its data and will answer when it has"
            case "READONLY": "it is a replica; Redis.Url must name the master"
            case "OOM": "it has reached its maxmemory; give it more, or make room"
            case "NOAUTH", "WRONGPASS": "Redis.Url must have its password"
            case "NOPERM": "the user of Redis.Url may not do that"
            case "MISCONF": "it cannot save its data, and takes no writes until it can"
            case "MOVED", "CROSSSLOT", "CLUSTERDOWN":
                "it is a cluster, over whose nodes no transaction can reach; Redis.Url must name a single Redis"
            default: nil
            }
        isOfClosedConnection = false
        description = "Redis at \(address.shown) says: \(answer)" + (hint.map { " (\($0))" } ?? "")
    }
}

internal import Ingestion
internal import NIOHTTP1

/// An answer that no route gives: the request is not whole, and the connection ends with it.
package enum Refusal: Sendable {
    case malformed
    case timeout
    case headersTooLarge
    case bodyTooLarge
    /// All connections together hold too much, and this one for the longest.
    case overloaded

    /// Overload is about memory, which only closing gives back; a lost answer is the lesser harm.
    package var closesAtOnce: Bool { self == .overloaded }

    private var status: HTTPResponseStatus {
        switch self {
        case .malformed: .badRequest
        case .timeout: .requestTimeout
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .bodyTooLarge: .payloadTooLarge
        case .overloaded: .serviceUnavailable
        }
    }

    private var codeAndMessage: (String, String) {
        switch self {
        case .malformed: ("malformed_request", "the request is not well-formed HTTP/1.1")
        case .timeout: ("request_timeout", "the request did not come in time")
        case .headersTooLarge: ("headers_too_large", "the headers are too long or too many")
        case .bodyTooLarge: ("payload_too_large", "the body is too long as sent")
        case .overloaded: ("overloaded", "too many unfinished requests; send it again with the same messageIds")
        }
    }

    var answer: Answer {
        let (code, message) = codeAndMessage
        var answer = Answer(status, body: IngestError.body(code: code, message: message))
        if self == .overloaded { answer.fields.append(("Retry-After", String(IngestError.usualRetryAfterSeconds))) }
        answer.isLast = true
        return answer
    }
}

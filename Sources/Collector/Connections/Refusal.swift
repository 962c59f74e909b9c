internal import Ingestion
internal import NIOCore

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

    private var statusLine: String {
        switch self {
        case .malformed: "400 Bad Request"
        case .timeout: "408 Request Timeout"
        case .headersTooLarge: "431 Request Header Fields Too Large"
        case .bodyTooLarge: "413 Content Too Large"
        case .overloaded: "503 Service Unavailable"
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

    /// The whole answer as it goes over the wire.
    var bytes: ByteBuffer {
        let (code, message) = codeAndMessage
        let body = IngestError.body(code: code, message: message)
        var head = "HTTP/1.1 \(statusLine)\r\nContent-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        if self == .overloaded { head += "Retry-After: \(IngestError.retryAfterSeconds)\r\n" }
        var bytes = ByteBuffer(string: head + "Connection: close\r\n\r\n")
        bytes.writeBytes(body)
        return bytes
    }
}

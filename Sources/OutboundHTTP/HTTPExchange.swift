/// What a server is asked for.
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case delete = "DELETE"
    }

    package var method: Method
    package var url: String
    package var headers: [(name: String, value: String)]
    /// Of a `post`.
    package var body: [UInt8]
    /// For all of it, from the connection to the answer's end.
    package var timeout: Duration
    /// Of the answer's body.
    package var answerBytesMax: Int

    package init(
        _ method: Method, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        timeout: Duration, answerBytesMax: Int
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.answerBytesMax = answerBytesMax
    }
}

/// A server's answer, whatever its status.
package struct HTTPAnswer: Sendable {
    package let status: Int
    package let body: [UInt8]
    /// When it may be asked again; nil: it does not say.
    package let retryAfter: Duration?

    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// Why there is no answer, as libcurl says it.
package struct HTTPFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

internal import RecordFormat

/// Why a request as a whole was not taken. Nothing of it is stored, but for `unavailable`, where a part may be.
package struct IngestError: Error, Sendable, Equatable {
    package enum Code: String, Sendable {
        case invalidJSON = "invalid_json"
        case invalidBody = "invalid_body"
        case invalidEncoding = "invalid_encoding"
        case emptyBatch = "empty_batch"
        case tooManyEvents = "too_many_events"
        case payloadTooLarge = "payload_too_large"
        case unsupportedEncoding = "unsupported_encoding"
        case missingWriteKey = "missing_write_key"
        case unknownWriteKey = "unknown_write_key"
        case writeKeyDisabled = "write_key_disabled"
        case originNotAllowed = "origin_not_allowed"
        case rateLimited = "rate_limited"
        case unavailable = "unavailable"
        case starting = "starting"
    }

    package let code: Code
    package let message: String
    /// Of `rateLimited`: after so many seconds the same request would be taken, if nothing else were.
    package let retryAfterSeconds: Int?

    package init(_ code: Code, _ message: String, retryAfterSeconds: Int? = nil) {
        self.code = code
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
    }
}

extension IngestError {
    /// `{"code":"...","message":"..."}`, the body of every error.
    package static func body(code: String, message: String) -> [UInt8] {
        var target = GrowableBytes(capacity: 64 + code.utf8.count + message.utf8.count)
        target.append("{\"code\":")
        JSONWriter.append(string: code, to: &target)
        target.append(",\"message\":")
        JSONWriter.append(string: message, to: &target)
        target.append("}")
        return Array(copying: target)
    }
}

internal import HTTPTypes
internal import Ingestion
internal import NIOHTTP1

extension Answer {
    init(to request: EventsRequest, _ result: Result<IngestReport, IngestError>, cors: CORS) {
        switch result {
        case .success(let report):
            // Segment's clients take anything else for an error, and throw the batch away.
            let isSegment = request.endpoint.isSegment
            self.init(isSegment ? .ok : report.isWhollyRejected ? .unprocessableEntity : .accepted, body: report.json())
        case .failure(let error): self.init(error)
        }
        if request.isLast { isLast = true }
        guard let origin = request.origin else { return }
        for (name, value) in cors.fields(origin: origin, isPreflight: false) { fields.append((name.rawName, value)) }
    }

    private init(_ error: IngestError) {
        self.init(error.status, body: IngestError.body(code: error.code.rawValue, message: error.message))
        switch status {
        case .serviceUnavailable, .tooManyRequests:
            fields.append(("Retry-After", String(error.retryAfterSeconds ?? IngestError.usualRetryAfterSeconds)))
        case .unauthorized: fields.append(("WWW-Authenticate", "Basic realm=\"write key\""))
        // What follows such a body is not read.
        case .payloadTooLarge: isLast = true
        default: break
        }
    }
}

extension IngestError {
    /// Seconds after which trying again makes sense.
    static let usualRetryAfterSeconds = 1

    fileprivate var status: HTTPResponseStatus {
        switch code {
        case .invalidJSON, .invalidBody, .invalidEncoding, .emptyBatch, .tooManyEvents: .badRequest
        case .payloadTooLarge: .payloadTooLarge
        case .unsupportedEncoding: .unsupportedMediaType
        case .missingWriteKey, .unknownWriteKey: .unauthorized
        case .writeKeyDisabled, .originNotAllowed: .forbidden
        case .rateLimited: .tooManyRequests
        case .unavailable, .starting: .serviceUnavailable
        }
    }
}

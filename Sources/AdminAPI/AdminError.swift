internal import Collector
internal import HTTPTypes
internal import Hummingbird

/// Why an administrator's request cannot be answered, as the answer says it.
struct AdminError: Error, HTTPResponseError {
    let status: HTTPResponse.Status
    private let code: String
    private let message: String

    init(_ status: HTTPResponse.Status, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// A parameter that is not what it must be.
    init(parameter name: String, _ value: String, must: String) {
        self.init(.badRequest, "invalid_parameter", "\(name) is \"\(value)\"; it must be \(must)")
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        JSONResponse.error(status, code: code, message: message)
    }
}

package import Collector
internal import HTTPTypes
package import Hummingbird

/// Lets administrators through to the routes behind it, and tells all others why not.
package struct AdminGate: RouterMiddleware {
    private let access: AdminAccess

    package init(_ access: AdminAccess) { self.access = access }

    package func handle(
        _ request: Request, context: CollectorContext, next: (Request, CollectorContext) async throws -> Response
    ) async throws -> Response {
        switch await access.verdict(request, peer: context.clientAddress) {
        case .granted: return try await next(request, context)
        case .missing:
            return Self.unauthorized(
                "an admin token is needed, as Authorization: Bearer; it is Admin.Token, or stands in credentials.json of the data directory",
                error: "")
        case .refused(let reason):
            return Self.unauthorized("this token does not let you in: \(reason)", error: ", error=\"invalid_token\"")
        case .forbidden:
            return JSONResponse.error(
                .forbidden, code: "forbidden", message: "this token's role is not Admin, in role, roles or .NET's claim of roles")
        case .limited(let seconds):
            return JSONResponse.error(
                .tooManyRequests, code: "too_many_attempts",
                message: "too many wrong tokens came from this address; it is listened to again in \(seconds) seconds",
                headers: [.retryAfter: "\(seconds)"])
        }
    }

    private static func unauthorized(_ message: String, error: String) -> Response {
        JSONResponse.error(
            .unauthorized, code: "unauthorized", message: message, headers: [.wwwAuthenticate: "Bearer realm=\"admin\"\(error)"])
    }
}

internal import Collector
internal import HTTPTypes
package import Hummingbird

/// Lets administrators through to the routes behind it, and tells all others why not.
package struct AdminGate<Context: RequestContext>: RouterMiddleware {
    private let access: AdminAccess

    package init(_ access: AdminAccess) { self.access = access }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard access.isGranted(request) else {
            return JSONResponse.error(
                .unauthorized, code: "unauthorized",
                message:
                    "an admin token is needed, as Authorization: Bearer; it is Admin.Token, or stands in credentials.json of the data directory",
                headers: [.wwwAuthenticate: "Bearer realm=\"admin\""])
        }
        return try await next(request, context)
    }
}

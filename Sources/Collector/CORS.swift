internal import HTTPTypes
package import Hummingbird
package import Ingestion

/// Cross-origin rules of the public addresses: pages of any origin that some key allows may post. No credentials are
/// involved: the write key is in the request itself.
package struct CORS: RouterMiddleware {
    package typealias Context = CollectorContext

    private let keys: WriteKeyRing

    package init(keys: WriteKeyRing) { self.keys = keys }

    package func handle(
        _ request: Request, context: CollectorContext,
        next: (Request, CollectorContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = request.headers[.origin] else { return try await next(request, context) }
        let isPreflight = request.method == .options && request.headers[.accessControlRequestMethod] != nil
        var response = isPreflight ? Response(status: .noContent) : try await next(request, context)
        // A cache must not give one origin's answer to another.
        response.headers[.vary] = "Origin"
        guard keys.allowsOrigin(origin) else { return response }
        response.headers[.accessControlAllowOrigin] = origin
        if isPreflight {
            response.headers[.accessControlAllowMethods] = "POST, OPTIONS"
            response.headers[.accessControlAllowHeaders] =
                "Authorization, Content-Encoding, Content-Type, X-Write-Key"
            response.headers[.accessControlMaxAge] = "86400"
        } else {
            response.headers[.accessControlExposeHeaders] = "Retry-After"
        }
        return response
    }
}

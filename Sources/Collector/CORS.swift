internal import HTTPTypes
package import Hummingbird
package import Ingestion

/// Cross-origin rules of the public addresses: pages of any origin that some key allows may post. No credentials are
/// involved: the write key is in the request itself. Answers preflights, whatever they ask for.
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
        // The SDK's files are for every page, and say so themselves.
        if response.headers[.accessControlAllowOrigin] != nil { return response }
        for (name, value) in fields(origin: origin, isPreflight: isPreflight) { response.headers[name] = value }
        return response
    }

    /// What an answer to a request from `origin` says beside all else.
    func fields(origin: String, isPreflight: Bool) -> [(name: HTTPField.Name, value: String)] {
        // A cache must not give one origin's answer to another.
        let vary = (HTTPField.Name.vary, "Origin")
        guard keys.allowsOrigin(origin) else { return [vary] }
        let allowed = (HTTPField.Name.accessControlAllowOrigin, origin)
        guard isPreflight else { return [vary, allowed, (.accessControlExposeHeaders, "Retry-After")] }
        return [
            vary, allowed, (.accessControlAllowMethods, "POST, OPTIONS"),
            (.accessControlAllowHeaders, "Authorization, Content-Encoding, Content-Type, X-Write-Key"),
            (.accessControlMaxAge, "86400"),
        ]
    }
}

internal import HTTPTypes
package import Hummingbird
internal import NIOCore

/// `/metrics` in Prometheus' text format: for peers on the machine itself that no proxy stands before, for administrators, and for
/// all where it is public.
package struct MetricsRoutes: Sendable {
    private let isPublic: Bool
    private let isAdmin: @Sendable (Request, CollectorContext) async -> Bool
    private let text: @Sendable () -> String

    package init(
        isPublic: Bool, isAdmin: @escaping @Sendable (Request, CollectorContext) async -> Bool,
        text: @escaping @Sendable () -> String
    ) {
        self.isPublic = isPublic
        self.isAdmin = isAdmin
        self.text = text
    }

    package func add(to router: Router<CollectorContext>) {
        router.get("/metrics") { request, context in await answer(request, context) }
    }

    private func answer(_ request: Request, _ context: CollectorContext) async -> Response {
        var isAllowed = isPublic || isLocal(request, context)
        if !isAllowed { isAllowed = await isAdmin(request, context) }
        guard isAllowed else {
            return JSONResponse.error(
                .forbidden, code: "not_local",
                message:
                    "metrics are for clients on the service's own machine, and with an admin token; Metrics.Public opens them to all"
            )
        }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text())))
    }

    /// A forwarding header means that the peer is a proxy, and its client anyone.
    private func isLocal(_ request: Request, _ context: CollectorContext) -> Bool {
        let isForwarded = Self.forwardingHeaders.contains { request.headers[$0] != nil }
        let isLoopback = context.clientAddress.hasPrefix("127.") || context.clientAddress == "::1"
        return isLoopback && !isForwarded
    }

    private static let forwardingHeaders: [HTTPField.Name] = ["Forwarded", "X-Forwarded-For", "X-Real-IP"].compactMap {
        HTTPField.Name($0)
    }
}

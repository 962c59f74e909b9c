internal import HTTPTypes
package import Hummingbird
internal import Ingestion

/// `/health/live`: the process runs. `/health/ready`: it takes events, or what it is doing instead.
package struct HealthRoutes: Sendable {
    private let status: ServiceStatus

    package init(status: ServiceStatus) { self.status = status }

    package func add(to router: Router<CollectorContext>) {
        router.get("/health/live") { _, _ in JSONResponse.make(.ok, Array(#"{"status":"live"}"#.utf8)) }
        router.get("/health/ready") { _, _ in ready() }
    }

    private func ready() -> Response {
        switch status.phase {
        case .starting(let what):
            return JSONResponse.error(
                .serviceUnavailable, code: "starting", message: what,
                headers: [.retryAfter: String(IngestError.retryAfterSeconds)])
        case .stopping:
            return JSONResponse.error(.serviceUnavailable, code: "stopping", message: "the service is stopping")
        case .ready:
            let impediments = status.impedimentMessages
            guard impediments.isEmpty else {
                return JSONResponse.error(
                    .serviceUnavailable, code: "not_writable", message: impediments.joined(separator: "; "))
            }
            return JSONResponse.make(.ok, Array(#"{"status":"ready"}"#.utf8))
        }
    }
}

internal import HTTPTypes
package import Hummingbird
internal import Ingestion

/// `/health/live`: the process runs. `/health/ready`: it takes events, or what it is doing instead; and which partitions take
/// none or have lost records, why, and what to do.
package struct HealthRoutes: Sendable {
    private let status: ServiceStatus

    package init(status: ServiceStatus) { self.status = status }

    package func add(to router: Router<CollectorContext>) {
        router.get("/health/live") { _, _ in JSONResponse.make(.ok, Array(#"{"status":"live"}"#.utf8)) }
        router.get("/health/ready") { request, context in try ready(request, context) }
    }

    private func ready(_ request: Request, _ context: CollectorContext) throws -> Response {
        switch status.phase {
        case .starting(let what):
            return JSONResponse.error(
                .serviceUnavailable, code: "starting", message: what,
                headers: [.retryAfter: String(IngestError.usualRetryAfterSeconds)])
        case .stopping:
            return JSONResponse.error(.serviceUnavailable, code: "stopping", message: "the service is stopping")
        case .ready:
            let health = status.logHealth
            let body = HealthBody(health)
            return try EditedResponse(status: body.code == nil ? .ok : .serviceUnavailable, response: body)
                .response(from: request, context: context)
        }
    }
}

/// `{"status":"ready"}`, or an error body; in both, the partitions that are not simply open and whole.
private struct HealthBody: ResponseEncodable {
    struct Partition: Encodable {
        let partition, state, message: String
    }

    let status: String?
    let code, message: String?
    let partitions: [Partition]?

    init(_ health: LogHealth) {
        let impediments = health.impediments
        status = impediments.isEmpty ? "ready" : nil
        code = impediments.isEmpty ? nil : health.shortage == nil ? "not_writable" : "low_space"
        message = impediments.isEmpty ? nil : impediments.joined(separator: "; ")
        let list = health.partitions.map { Partition(partition: $0.name, state: $0.state, message: $0.message) }
        partitions = list.isEmpty ? nil : list
    }
}

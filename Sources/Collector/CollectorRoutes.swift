internal import HTTPTypes
package import Hummingbird
package import Ingestion
internal import NIOCore

/// The public addresses that take events.
package struct CollectorRoutes: Sendable {
    private let status: ServiceStatus
    private let limits: IngestLimits

    package init(status: ServiceStatus, limits: IngestLimits) {
        self.status = status
        self.limits = limits
    }

    package func add(to router: Router<CollectorContext>) {
        for endpoint in IngestEndpoint.allCases {
            let path = endpoint == .events ? "/api/events" : "/api/events/\(endpoint.rawValue)"
            router.post(RouterPath(path)) { request, context in
                await ingest(request, context, endpoint)
            }
        }
    }

    private func ingest(_ request: Request, _ context: CollectorContext, _ endpoint: IngestEndpoint) async -> Response {
        do throws(IngestError) {
            let pipeline = try status.pipeline()
            guard let encoding = BodyEncoding(header: request.headers[.contentEncoding]) else {
                throw IngestError(.unsupportedEncoding, "Content-Encoding must be gzip, deflate or identity")
            }
            let ingest = IngestRequest(
                endpoint: endpoint, encoding: encoding, writeKey: RequestCredentials.writeKey(of: request),
                origin: request.headers[.origin], clientAddress: context.clientAddress,
                wantsReceipts: request.uri.queryParameters["receipts"] == "true")
            let body = try await body(of: request)
            let prepared = try body.withUnsafeReadableBytes { bytes in
                Result { () throws(IngestError) in try pipeline.prepare(ingest, body: bytes) }
            }.get()
            let report = try await pipeline.commit(prepared)
            return JSONResponse.make(report.isWhollyRejected ? .unprocessableContent : .accepted, report.json())
        } catch {
            return error.response
        }
    }

    /// Collects the body, never more than its limit.
    private func body(of request: Request) async throws(IngestError) -> ByteBuffer {
        let limit = limits.payloadBytes
        let tooLarge = IngestError(.payloadTooLarge, "the body has more than \(limit) bytes")
        if let length = request.headers[.contentLength].flatMap(Int.init), length > limit { throw tooLarge }
        do {
            return try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw IngestError(.invalidBody, "the body ended early, or its chunks are malformed")
        }
    }
}

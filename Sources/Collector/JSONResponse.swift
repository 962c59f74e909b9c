package import HTTPTypes
package import Hummingbird
internal import Ingestion
internal import NIOCore

/// Answers with JSON bodies.
package enum JSONResponse {
    package static func make(_ status: HTTPResponse.Status, _ body: [UInt8], headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// `{"code":"...","message":"..."}`, the body of every error.
    package static func error(
        _ status: HTTPResponse.Status, code: String, message: String, headers: HTTPFields = [:]
    ) -> Response {
        make(status, IngestError.body(code: code, message: message), headers: headers)
    }
}

/// Gives errors of the framework itself (no such path, method not allowed) the same body as ours.
package struct ErrorBodies: RouterMiddleware {
    package typealias Context = CollectorContext

    package init() {}

    package func handle(
        _ request: Request, context: CollectorContext,
        next: (Request, CollectorContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return JSONResponse.error(
                .notFound, code: "not_found", message: "nothing is at \(request.method) \(request.uri.path)")
        } catch let error as HTTPError {
            return JSONResponse.error(
                error.status, code: "http_\(error.status.code)", message: error.body ?? error.status.reasonPhrase,
                headers: error.headers)
        }
    }
}

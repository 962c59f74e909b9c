internal import Collector
internal import EventLog
internal import EventModel
internal import HTTPTypes
package import Hummingbird
internal import Ingestion
internal import Synchronization

/// `POST /api/admin/rejected/retry`: puts rejected events through the pipeline again, some thousands at a time.
///
/// Takes `{"from":0,"to":1200,"event":"vehicle_view","evenUndecided":true}`, each of which may be left out. Answers 200 with what became of them, and with the
/// offset to go on at: as long as `next` is below `end`, it is asked for again with `next` as `from`.
package final class RejectedRetryRoutes: Sendable {
    private let services: AdminServices
    private let isRunning = Atomic<Bool>(false)

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.post("rejected/retry") { [self] request, context in try await retry(request, context) }
    }

    private struct Wanted: Decodable {
        let from, to: Int64?
        let event: String?
        let evenUndecided: Bool?
    }

    private struct Outcome: ResponseEncodable {
        struct Rejection: Encodable {
            struct Violation: Encodable {
                let path, keyword, message: String
            }

            let offset: Int64
            let errors: [Violation]
        }

        let examined, stored, alreadyStored, rejected, undecided: Int
        let rejections: [Rejection]
        let next, end: Int64

        init(_ report: RetryReport) {
            (examined, stored) = (report.examined, report.stored)
            (alreadyStored, rejected) = (report.alreadyStored, report.rejected)
            (undecided, next, end) = (report.undecided, report.next, report.end)
            rejections = report.rejections.map { rejection in
                Rejection(
                    offset: rejection.offset,
                    errors: rejection.violations.map { .init(path: $0.path, keyword: $0.keyword, message: $0.message) })
            }
        }
    }

    private func retry(_ request: Request, _ context: some RequestContext) async throws -> Response {
        let wanted: Wanted
        do {
            wanted = try await request.decode(as: Wanted.self, context: context)
        } catch {
            return JSONResponse.error(
                .badRequest, code: "invalid_body",
                message:
                    "the body must be like {\"from\":0,\"to\":1200,\"event\":\"vehicle_view\"}, each of which may be left out")
        }
        guard (wanted.from ?? 0) >= 0, (wanted.to ?? 0) >= 0 else {
            return JSONResponse.error(.badRequest, code: "invalid_body", message: "from and to are offsets, from 0 on")
        }
        let retry = try services.opened().retry
        guard isRunning.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged else {
            return JSONResponse.error(
                .conflict, code: "retry_running", message: "another retry is under way; wait for its answer")
        }
        defer { isRunning.store(false, ordering: .releasing) }
        do {
            let report = try await retry.run(
                .init(from: wanted.from ?? 0, to: wanted.to, name: wanted.event, evenUndecided: wanted.evenUndecided ?? false))
            return try EditedResponse(status: .ok, response: Outcome(report)).response(from: request, context: context)
        } catch let error as IngestError {
            return unavailable(error.message)
        } catch let error as LogError {
            return unavailable(error.message)
        }
    }

    private func unavailable(_ reason: String) -> Response {
        JSONResponse.error(
            .serviceUnavailable, code: "unavailable",
            message: "\(reason). What was stored stays stored; ask again, and it goes on with the rest")
    }
}

internal import Collector
internal import EventLog
internal import EventModel
internal import Foundation
internal import HTTPTypes
package import Hummingbird
internal import Ingestion
internal import Projections
internal import RecordFormat

/// `GET /api/admin/events/user/{id}`: a user's events, newest first, those from before it was known who they are of included.
///
/// Answers `{"events":[...],"nextCursor":null}`: each event as it is stored, with its `partition` and `offset`. With `nextCursor` as `cursor`
/// the next page begins where this one ended, whatever has come since.
package struct UserRoutes: Sendable {
    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.get("events/user/{id}") { request, context in try await answer(request, context) }
    }

    private func answer(_ request: Request, _ context: some RequestContext) async throws -> Response {
        let users = try services.opened().users
        let query = try Self.query(
            request, id: context.parameters.get("id") ?? "", partitionCount: users.partitionCount)
        do {
            let (page, lag) = try await users.page(query)
            return JSONResponse.make(.ok, Self.body(page, lag: lag))
        } catch let error as NotReady {
            throw AdminError(.serviceUnavailable, "starting", "the index of users cannot be asked: \(error)")
        } catch let error as LogError {
            throw AdminError(.serviceUnavailable, "unavailable", error.message)
        }
    }

    private static func query(_ request: Request, id: String, partitionCount: Int) throws(AdminError) -> UserHistoryQuery {
        let parameters = try QueryParameters(request, known: ["limit", "cursor", "from", "to", "event"])
        guard let user = id.removingPercentEncoding, !user.isEmpty else {
            throw AdminError(parameter: "the id", id, must: "percent-encoded UTF-8")
        }
        var query = UserHistoryQuery(user: user)
        if let limit = try parameters.integer("limit", 1...Int64(UserHistoryQuery.eventsMax)) { query.limit = Int(limit) }
        query.from = try parameters.time("from")
        query.to = try parameters.time("to")
        query.event = parameters.text("event").map(ExactText.init)
        if let text = parameters.text("cursor") {
            guard let cursor = UserHistoryCursor(text, partitionCount: partitionCount) else {
                throw AdminError(parameter: "cursor", text, must: "a nextCursor of an answer before")
            }
            query.cursor = cursor
        }
        return query
    }

    private static func body(_ page: UserHistoryPage, lag: Int64) -> [UInt8] {
        var text = GrowableBytes(capacity: page.events.reduce(256) { $0 + $1.json.count + 64 })
        text.append("{\"events\":[")
        for (number, event) in page.events.enumerated() {
            if number > 0 { text.append(",") }
            event.json.withUnsafeBytes { json in
                PlacedEvent.append(json, partition: event.partition, offset: event.offset, to: &text)
            }
        }
        text.append("],\"nextCursor\":")
        if let cursor = page.nextCursor {
            JSONWriter.append(string: cursor.text, to: &text)
        } else {
            text.append("null")
        }
        if lag > 0 {
            text.append(",\"lag\":")
            text.append(decimal: Int(lag))
        }
        text.append("}")
        return Array(copying: text)
    }
}

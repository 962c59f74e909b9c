internal import Collector
internal import Consumption
internal import EventModel
internal import Foundation
package import Hummingbird
internal import Projections

/// `GET /api/admin/events/stats`: how many events there were of which name and when, the figures of a day, and the ledger.
package struct StatisticsRoutes: Sendable {
    private static let day: Int64 = 86_400_000
    private static let bucketsMax: Int64 = 3000
    /// So long is waited until what was acknowledged before is counted.
    private static let patience = Duration.seconds(2)

    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.get("events/stats") { request, _ in try await answer(request) }
    }

    private func answer(_ request: Request) async throws -> Response {
        let desk = try services.opened().statistics
        let query = try Self.query(request, now: desk.now())
        _ = await desk.runner.reachEnd(atMost: Self.patience)
        do {
            let report = try await desk.statistics.report(query)
            let body = StatisticsBody(
                report: report, interval: query.interval, ledger: desk.ledger(), lag: desk.runner.status.lag)
            return JSONResponse.make(.ok, body.json)
        } catch let error as NotReady {
            throw AdminError(.serviceUnavailable, "starting", "the statistics cannot be asked: \(error)")
        }
    }

    /// The last 24 hours by hours, where nothing else is asked for.
    private static func query(_ request: Request, now: Int64) throws(AdminError) -> StatisticsQuery {
        let parameters = try QueryParameters(
            request, known: ["from", "to", "interval", "event", "day", "vehicleId", "top"])
        let to = try parameters.time("to") ?? now + 1
        let from = try parameters.time("from") ?? max(0, to - day)
        guard from < to else {
            throw AdminError(parameter: "from", parameters.text("from") ?? "\(from)", must: "before to, which is \(to)")
        }
        let name = parameters.text("interval") ?? StatisticsQuery.Interval.hour.rawValue
        guard let interval = StatisticsQuery.Interval(rawValue: name) else {
            throw AdminError(parameter: "interval", name, must: "minute, hour or day")
        }
        guard (to - from) / interval.milliseconds <= bucketsMax else {
            throw AdminError(
                .badRequest, "invalid_parameter",
                "interval is \(name), of which there are more than \(bucketsMax) between from and to; ask for a longer interval or a shorter time"
            )
        }
        var query = StatisticsQuery(times: from..<to, interval: interval)
        query.event = parameters.text("event").map(ExactText.init)
        query.vehicle = parameters.text("vehicleId")
        if let day = parameters.text("day") { query.day = try Self.day(day) }
        if let top = try parameters.integer("top", 1...1000) { query.top = Int(top) }
        return query
    }

    /// `2026-11-29` as 20261129.
    private static func day(_ text: String) throws(AdminError) -> Int {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        guard text.utf8.count == 10, Array(text.utf8).withUnsafeBytes(Timestamp.milliseconds) != nil, digits.count == 8,
            let day = Int(String(decoding: digits, as: UTF8.self))
        else { throw AdminError(parameter: "day", text, must: "a day such as 2026-01-21") }
        return day
    }
}

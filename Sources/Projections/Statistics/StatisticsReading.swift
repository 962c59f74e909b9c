internal import Consumption
internal import EventModel
internal import Foundation
internal import GRDB

extension Statistics {
    package func report(_ query: StatisticsQuery) async throws -> StatisticsReport {
        let (zone, now) = (zone, now())
        return try await database.read { database in
            var days = LocalDays(zone)
            let start = days.start(of: query.times.lowerBound, StatisticsDelta.Figure(query.interval))
            let times = start..<query.times.upperBound
            let (events, series) = try StatisticsReading.events(query, times, database)
            return StatisticsReport(
                times: times, timeZone: zone.identifier, events: events, series: series,
                activeUsers: try StatisticsReading.active(now, database),
                day: try StatisticsReading.day(query.day ?? days.day(of: now), query, database))
        }
    }
}

/// Reads the statistics' tables.
private enum StatisticsReading {
    typealias Named = StatisticsReport.Named

    /// Without their names count those for which there were too many.
    private static let isNamed = "length(name) > 0"
    private static let activeTime: Int64 = 300_000

    // MARK: Events

    static func events(
        _ query: StatisticsQuery, _ times: Range<Int64>, _ database: Database
    ) throws -> (StatisticsReport.Events, [StatisticsReport.Bucket]) {
        var (filter, arguments): (String, StatementArguments) = (
            "figure = ? AND start >= ? AND start < ?",
            [StatisticsDelta.Figure(query.interval).rawValue, times.lowerBound, times.upperBound]
        )
        if let event = query.event {
            filter += " AND name = ?"
            arguments += [TextBlob.data(event.string)]
        }
        var events = StatisticsReport.Events()
        events.names = try named(
            "SELECT name, sum(count) AS sum FROM counts WHERE \(filter) AND \(isNamed) GROUP BY name ORDER BY sum DESC, name LIMIT ?",
            arguments + [query.eventNames], database)
        let told = Set(events.names.map { ExactText($0.name) })

        var series: [StatisticsReport.Bucket] = []
        let rows = try Row.fetchCursor(
            database.cachedStatement(sql: "SELECT start, name, count FROM counts WHERE \(filter) ORDER BY start, name"),
            arguments: arguments)
        while let row = try rows.next() {
            let (start, name, count): (Int64, String, Int64) = (row[0], TextBlob.text(row[1]), row[2])
            if series.last?.start != start { series.append(.init(start: start, events: .init())) }
            let last = series.count - 1
            series[last].events.total += count
            events.total += count
            if told.contains(ExactText(name)) { series[last].events.names.append(.init(name: name, count: count)) }
        }
        return (events, series)
    }

    static func active(_ now: Int64, _ database: Database) throws -> StatisticsReport.Uniques {
        var sketch = UniqueSketch()
        let rows = try Data.fetchAll(
            database.cachedStatement(sql: "SELECT sketch FROM active WHERE slot > ? AND slot <= ?"),
            arguments: [(now - activeTime) / StatisticsDelta.activeSlot, now / StatisticsDelta.activeSlot])
        for row in rows { sketch.merge(try StatisticsTables.sketch(row)) }
        return .init(sketch)
    }

    // MARK: A day

    static func day(_ day: Int, _ query: StatisticsQuery, _ database: Database) throws -> StatisticsReport.Day {
        func total(_ figure: StatisticsDelta.Figure) throws -> Int64 {
            try Int64.fetchOne(
                database.cachedStatement(sql: "SELECT sum(count) FROM counts WHERE figure = ? AND start = ?"),
                arguments: [figure.rawValue, day]) ?? 0
        }
        func top(_ figure: StatisticsDelta.Figure) throws -> [Named] {
            try named(
                "SELECT name, count FROM counts WHERE figure = ? AND start = ? AND \(isNamed) ORDER BY count DESC, name LIMIT ?",
                [figure.rawValue, day, query.top], database)
        }
        return .init(
            day: day, views: try total(.views), searches: try total(.searches), leads: try total(.leads),
            filters: try top(.filters), leadsByVehicle: try top(.leadsOfVehicle), leadsByDealer: try top(.leadsOfDealer),
            topVehicles: try top(.views).map { try vehicle($0.name, day, database) },
            vehicle: try query.vehicle.map { try vehicle($0, day, database) })
    }

    private static func vehicle(_ id: String, _ day: Int, _ database: Database) throws -> StatisticsReport.Vehicle {
        func count(_ figure: StatisticsDelta.Figure) throws -> Int64 {
            try Int64.fetchOne(
                database.cachedStatement(sql: "SELECT count FROM counts WHERE figure = ? AND start = ? AND name = ?"),
                arguments: [figure.rawValue, day, TextBlob.data(id)]) ?? 0
        }
        let sketch = try Data.fetchOne(
            database.cachedStatement(sql: "SELECT sketch FROM uniques WHERE day = ? AND id = ?"),
            arguments: [day, TextBlob.data(id)])
        return .init(
            id: id, views: try count(.views), users: .init(try sketch.map(StatisticsTables.sketch) ?? UniqueSketch()),
            leads: try count(.leadsOfVehicle))
    }

    private static func named(_ sql: String, _ arguments: StatementArguments, _ database: Database) throws -> [Named] {
        try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments)
            .map { .init(name: TextBlob.text($0[0]), count: $0[1]) }
    }
}

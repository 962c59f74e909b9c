package import Consumption
package import EventLog
internal import EventModel
package import Foundation
internal import GRDB
internal import RecordFormat
internal import Synchronization

/// How many events there were of which name and when, and by day what is looked at, searched for and asked for.
///
/// Minutes are kept for 35 days, hours and the figures of days for 400, counts by day for ever. Buckets of time are by the events' own times, up to when they were received; days are those of a time zone. The figures of a day, and who is active, are
/// by when events were received.
package final class Statistics: Consumer {
    package static let groupName = "statistics"

    /// What is kept of finer times, in milliseconds.
    private static let day: Int64 = 86_400_000
    private static let minutesKept = 35 * day
    private static let hoursKept = 400 * day
    private static let daysKept = 400 * day
    private static let activeKept: Int64 = 3_600_000

    let database: ProjectionDatabase
    let zone: TimeZone
    let now: @Sendable () -> Int64
    private let hasher: RecordIdentityHasher
    private let prunedAt = Mutex<Int64>(0)

    /// - Parameters:
    ///   - zone: whose days are counted.
    ///   - now: milliseconds since 1970.
    ///   - onAnew: told why a file that was there is made anew from the log.
    package init(
        folder: String, topic: TopicDefinition, hasher: RecordIdentityHasher, zone: TimeZone,
        now: @escaping @Sendable () -> Int64,
        onAnew: @escaping @Sendable (String) -> Void
    ) {
        let file = ProjectionFile(
            folder: folder, name: Self.groupName, version: 2, tables: StatisticsTables.statements,
            source: .init(topic: topic, hasher: hasher, detail: "days of \(zone.identifier)"))
        database = ProjectionDatabase(file, onAnew: onAnew)
        self.hasher = hasher
        self.zone = zone
        self.now = now
    }

    package var group: String { Self.groupName }
    package var committed: [Int64] { database.committed }
    package var passedOver: PassedOver { database.passedOver }
    package func close() { database.close() }

    package func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        _ = try database.open(bounds)
        return database.committed
    }

    package func take(_ delivery: Delivery) async throws {
        var delta = StatisticsDelta(LocalDays(zone), hasher: hasher)
        try delivery.forEachRecord { partition, record throws(PoisonRecord) in
            do throws(JSONParser.Refusal) { try delta.add(record) } catch {
                throw PoisonRecord(partition: partition, offset: record.offset, reason: "the event is no JSON: \(error)")
            }
        }
        let sums = delta.sums
        try database.write(
            positions: delivery.positions, gaps: delivery.gaps, setAside: KeptRecord.all(of: delivery)
        ) { try StatisticsTables.add(sums, $0) }
    }

    package func caughtUp(_ bounds: [OffsetBounds]) async throws {
        try database.check()
        let now = now()
        guard prunedAt.withLock({ abs(now - $0) > Self.activeKept }) else { return }
        let zone = zone
        try database.change { database in
            var days = LocalDays(zone)
            let day = Int64(days.day(of: now - Self.daysKept))
            for table in ["counts", "names"] {
                func remove(_ figure: StatisticsDelta.Figure, before start: Int64) throws {
                    try database.execute(
                        sql: "DELETE FROM \(table) WHERE figure = ? AND start < ?", arguments: [figure.rawValue, start])
                }
                try remove(.minute, before: now - Self.minutesKept)
                try remove(.hour, before: now - Self.hoursKept)
                for figure in StatisticsDelta.Figure.ofDays { try remove(figure, before: day) }
            }
            try database.execute(sql: "DELETE FROM uniques WHERE day < ?", arguments: [day])
            try database.execute(
                sql: "DELETE FROM active WHERE slot < ?", arguments: [(now - Self.activeKept) / StatisticsDelta.activeSlot])
        }
        prunedAt.withLock { $0 = now }
    }
}

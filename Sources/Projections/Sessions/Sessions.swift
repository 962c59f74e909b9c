package import Consumption
package import EventLog
internal import EventModel
internal import Foundation
internal import GRDB
internal import RecordFormat
internal import Synchronization

/// Sessions: `session.started` when the first event of a session's id comes, `session.ended` when nothing more has come of it for as long as
/// the timeout says. An event that comes later opens no second one.
///
/// Only what is caught up with the log ends sessions. What the table comes to hold follows from the log alone, in whatever order the partitions
/// were read and however often the service was stopped.
package final class Sessions: Consumer {
    package static let groupName = "sessions"

    /// Sessions that are ended in one transaction.
    private static let endedAtOnce = 1000

    private let database: ProjectionDatabase
    private let hasher: RecordIdentityHasher
    private let timeout: Int64
    private let delay: Int64
    private let now: @Sendable () -> Int64
    private let horizon = Mutex(SessionHorizon())

    /// - Parameters:
    ///   - timeout: without an event for so long, a session has ended; in milliseconds.
    ///   - delay: so long, in milliseconds, an event that was received may take until the log has it.
    ///   - now: milliseconds since 1970.
    ///   - onAnew: told why a file that was there is made anew from the log.
    package init(
        folder: String, topic: TopicDefinition, hasher: RecordIdentityHasher, timeout: Int64, delay: Int64,
        now: @escaping @Sendable () -> Int64, onAnew: @escaping @Sendable (String) -> Void
    ) {
        let file = ProjectionFile(
            folder: folder, name: Self.groupName, version: 1, tables: SessionRow.tables + Outbox.tables,
            source: .init(topic: topic, hasher: hasher, detail: "a timeout of \(timeout) ms"))
        database = ProjectionDatabase(file, onAnew: onAnew)
        self.hasher = hasher
        self.timeout = timeout
        self.delay = delay
        self.now = now
    }

    package var group: String { Self.groupName }
    package var committed: [Int64] { database.committed }
    package var passedOver: PassedOver { database.passedOver }
    package func close() { database.close() }

    /// Brings what was derived here into the log.
    package func publisher(
        of topic: TopicDefinition, log: any LogReader & LogWriter, onFailure: @escaping @Sendable (String) -> Void
    ) -> DerivedPublisher {
        DerivedPublisher(
            database, names: [.sessionStarted, .sessionEnded], topic: topic, log: log, now: now,
            onFailure: onFailure)
    }

    // MARK: Consuming

    package func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        _ = try database.open(bounds)
        return database.committed
    }

    package func take(_ delivery: Delivery) async throws {
        let rows = try rows(of: delivery)
        let hasher = hasher
        try database.write(
            positions: delivery.positions, gaps: delivery.gaps, setAside: KeptRecord.all(of: delivery)
        ) { database in
            for row in rows {
                guard var known = try SessionRow.fetch(row.id, database) else {
                    try row.save(database)
                    if let event = Self.started(row, hasher) { try Outbox.add([event], database) }
                    continue
                }
                if known.hasEnded { continue }
                known.add(row)
                try known.save(database)
            }
        }
        database.changes.raise()
    }

    /// What a delivery says of each session, the earliest first.
    private func rows(of delivery: Delivery) throws -> [SessionRow] {
        var rows: [ExactText: SessionRow] = [:]
        let reader = SessionEvent(timeout: timeout)
        try delivery.forEachRecord { partition, record throws(PoisonRecord) in
            let reading: SessionEvent.Reading?
            do throws(JSONParser.Refusal) { reading = try reader.read(record) } catch {
                throw PoisonRecord(partition: partition, offset: record.offset, reason: "the event is no JSON: \(error)")
            }
            guard let reading else { return }
            let row = SessionRow(
                id: reading.session,
                first: .init(received: record.timestamp, partition: partition.number, offset: record.offset),
                subject: reading.subject, spans: reading.spans)
            if rows[row.id]?.add(row) == nil { rows[row.id] = row }
        }
        return rows.values.sorted { $0.first < $1.first }
    }

    package func caughtUp(_ bounds: [OffsetBounds]) async throws {
        try database.check()
        let time = horizon.withLock { $0.time(bounds, now: now()) }
        if time < delay { return }
        let (delay, hasher) = (delay, hasher)
        while true {
            let due = try database.look { try SessionRow.due(by: time - delay, limit: Self.endedAtOnce, $0) }
            if due.isEmpty { return }
            try database.change { database in
                for var row in due {
                    row.hasEnded = true
                    row.spans.end()
                    try row.save(database)
                    if let event = Self.ended(row, hasher) { try Outbox.add([event], database) }
                }
            }
            database.changes.raise()
        }
    }

    // MARK: What follows

    private static func started(_ row: SessionRow, _ hasher: RecordIdentityHasher) -> DerivedEvent? {
        derived(.sessionStarted, row, time: row.spans.session.started, members: [], hasher)
    }

    private static func ended(_ row: SessionRow, _ hasher: RecordIdentityHasher) -> DerivedEvent? {
        let session = row.spans.session
        // In seconds, as all durations of the catalogue are.
        let duration = Double(session.last - session.started) / 1000
        return derived(.sessionEnded, row, time: session.last, members: [("duration", Data("\(duration)".utf8))], hasher)
    }

    private static func derived(
        _ name: DerivedEvent.Name, _ row: SessionRow, time: Int64, members: [(name: String, json: Data)],
        _ hasher: RecordIdentityHasher
    ) -> DerivedEvent? {
        guard let key = row.subject.key else { return nil }
        return DerivedEvent(
            name, cause: row.id.string, of: row.subject, key: key, time: time,
            members: [("sessionId", DerivedEvent.json(row.id.string))] + members, hasher: hasher)
    }
}

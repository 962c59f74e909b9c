package import Consumption
package import EventLog
package import EventModel
internal import Foundation
internal import GRDB
internal import RecordFormat

/// Which ids are whose: of every `identify` and `alias` event a row. What these amount to is told when somebody asks, so that it does not
/// depend on the order in which partitions were read.
package final class Aliases: Consumer {
    package static let groupName = "aliases"

    private let database: ProjectionDatabase
    private let hasher: RecordIdentityHasher
    private let mentioned = MentionedIDs()
    /// Rows of one id, or ids of one user, that are looked at.
    private static let rowsMax = 10_000

    /// - Parameter onAnew: told why a file that was there is made anew from the log.
    package init(
        folder: String, topic: TopicDefinition, hasher: RecordIdentityHasher, onAnew: @escaping @Sendable (String) -> Void
    ) {
        let file = ProjectionFile(
            folder: folder, name: Self.groupName, version: 2,
            tables: """
                CREATE TABLE aliases (
                    partition INTEGER NOT NULL, position INTEGER NOT NULL, time INTEGER NOT NULL, kind INTEGER NOT NULL,
                    id BLOB NOT NULL, user BLOB NOT NULL, PRIMARY KEY (partition, position)) WITHOUT ROWID;
                CREATE INDEX aliases_by_id ON aliases (id, time);
                CREATE INDEX aliases_by_user ON aliases (user, id);
                """ + Outbox.tables, source: .init(topic: topic, hasher: hasher))
        database = ProjectionDatabase(file, onAnew: onAnew)
        self.hasher = hasher
    }

    package var group: String { Self.groupName }
    package var committed: [Int64] { database.committed }
    package var passedOver: PassedOver { database.passedOver }
    package func close() { database.close() }

    /// Brings what was derived here into the log.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func publisher(
        of topic: TopicDefinition, log: any LogReader & LogWriter, now: @escaping @Sendable () -> Int64,
        onFailure: @escaping @Sendable (String) -> Void
    ) -> DerivedPublisher {
        DerivedPublisher(
            database, names: [.userIdentified], topic: topic, log: log, now: now, onFailure: onFailure)
    }

    // MARK: Consuming

    package func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        _ = try database.open(bounds)
        return database.committed
    }

    package func take(_ delivery: Delivery) async throws {
        var rows: [AliasRow] = []
        var identified: [DerivedEvent] = []
        let reader = AliasEvent(hasher: hasher)
        try delivery.forEachRecord { partition, record throws(PoisonRecord) in
            do throws(JSONParser.Refusal) {
                guard let reading = try reader.read(record, partition: partition.number) else { return }
                if let row = reading.row { rows.append(row) }
                if let event = reading.identified { identified.append(event) }
            } catch {
                throw PoisonRecord(partition: partition, offset: record.offset, reason: "the event is no JSON: \(error)")
            }
        }
        // Before they can be found.
        for row in rows { mentioned.insert(row.id) }
        try database.write(
            positions: delivery.positions, gaps: delivery.gaps, setAside: KeptRecord.all(of: delivery)
        ) { [rows, identified] database in
            try Outbox.add(identified, database)
            let statement = try database.cachedStatement(sql: "INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, ?, ?, ?)")
            for row in rows {
                try statement.execute(
                    arguments: [
                        row.partition, row.offset, row.time, row.kind.rawValue, TextBlob.data(row.id.string),
                        TextBlob.data(row.user.string),
                    ])
            }
        }
        if !identified.isEmpty { database.changes.raise() }
    }

    package func caughtUp(_ bounds: [OffsetBounds]) async throws { try database.check() }

    // MARK: Asking

    /// When which id is the user's.
    ///
    /// - Parameter cut: only what was said in it.
    package func intervals(of user: ExactText, cut: LogCut) async throws -> [AliasInterval] {
        try await database.read { database in
            let ids = try Data.fetchAll(
                database.cachedStatement(sql: "SELECT DISTINCT id FROM aliases WHERE user = ? LIMIT ?"),
                arguments: [TextBlob.data(user.string), Self.rowsMax])
            return try ids.flatMap { id in
                try Self.intervals(ExactText(TextBlob.text(id)), cut, database).filter { $0.user == user }
            }
        }
    }

    /// Whose an id is, and when.
    package func owners(of id: ExactText, cut: LogCut) async throws -> [AliasInterval] {
        try await database.read { database in try Self.intervals(id, cut, database) }
    }

    /// The same for a consumer, which may block: whose an id is by everything that is known. Cheap where it is nobody's.
    package func owners(of id: ExactText) throws -> [AliasInterval] {
        // Nobody knows yet what there is.
        guard database.generation > 0 else { throw NotReady(reason: "the aliases are not open yet") }
        try mentioned.fillOnce {
            try database.look { database in
                let ids = try Data.fetchCursor(database, sql: "SELECT DISTINCT id FROM aliases")
                while let id = try ids.next() { mentioned.insert(ExactText(TextBlob.text(id))) }
            }
        }
        guard mentioned.mayHold(id) else { return [] }
        return try database.look { database in try Self.intervals(id, .everything, database) }
    }

    private static func intervals(_ id: ExactText, _ cut: LogCut, _ database: Database) throws -> [AliasInterval] {
        let accepted = try AliasCircles.accepted(rows(id, cut, database)) { try rows($0, cut, database) }
        return AliasInterval.all(accepted)
    }

    private static func rows(_ id: ExactText, _ cut: LogCut, _ database: Database) throws -> [AliasRow] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: "SELECT partition, position, time, kind, user FROM aliases WHERE id = ? ORDER BY time LIMIT ?"),
            arguments: [TextBlob.data(id.string), rowsMax]
        ).compactMap { row in
            guard cut.holds(partition: row["partition"], offset: row["position"]) else { return nil }
            return AliasClaim.Kind(rawValue: row["kind"]).map { kind in
                AliasRow(
                    id: id, user: ExactText(TextBlob.text(row["user"])), kind: kind, time: row["time"],
                    partition: row["partition"],
                    offset: row["position"])
            }
        }
    }
}

internal import EventLog
internal import Foundation
internal import GRDB

/// Derived events in the file of the projection that they come from, until the log has them: written in the transaction that holds their
/// cause's position, so that none is forgotten and none comes twice.
struct Outbox: Sendable {
    static let tables = """
        CREATE TABLE outbox (
            number INTEGER PRIMARY KEY, event TEXT NOT NULL, message_id TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL);
        CREATE TABLE outbox_ends (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
        CREATE TABLE outbox_found (message_id TEXT PRIMARY KEY) WITHOUT ROWID;
        """

    /// One that waits.
    struct Entry: Sendable {
        let number: Int64
        let event: String
        let messageID: String
        let key: Data
        let value: Data
    }

    let database: ProjectionDatabase
    /// Of the file that is meant: all of this throws where it was made anew meanwhile.
    let generation: Int

    static func add(_ events: [DerivedEvent], _ database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "INSERT INTO outbox (event, message_id, key, value) VALUES (?, ?, ?, ?)")
        for event in events {
            try statement.execute(arguments: [event.name.rawValue, event.messageID, TextBlob.data(event.key), event.value])
        }
    }

    /// The first ones, in the order in which they were derived.
    ///
    /// - Parameter bytesMax: of all together, but at least one.
    func first(_ count: Int, bytesMax: Int) throws -> [Entry] {
        try database.look(generation: generation) { database in
            let rows = try Row.fetchCursor(
                database.cachedStatement(sql: "SELECT number, event, message_id, key, value FROM outbox ORDER BY number LIMIT ?"),
                arguments: [count])
            var (entries, byteCount): ([Entry], Int) = ([], 0)
            while let row = try rows.next() {
                let entry = Entry(
                    number: row["number"], event: row["event"], messageID: row["message_id"], key: row["key"], value: row["value"]
                )
                byteCount += entry.key.count + entry.value.count
                if byteCount > bytesMax, !entries.isEmpty { break }
                entries.append(entry)
            }
            return entries
        }
    }

    /// Up to where each partition of the derived topic was looked through, or written, with everything of it noted here.
    func ends() throws -> [Int: Int64] {
        try database.look(generation: generation) { database in
            var ends: [Int: Int64] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT partition, next FROM outbox_ends") {
                ends[row["partition"]] = row["next"]
            }
            return ends
        }
    }

    /// Notes what the log has.
    func found(_ messageIDs: [String], upTo end: Int64, partition: Int) throws {
        try database.change(generation: generation) { database in
            let statement = try database.cachedStatement(sql: "INSERT OR IGNORE INTO outbox_found VALUES (?)")
            for id in messageIDs { try statement.execute(arguments: [id]) }
            try Self.move([partition: end], database)
        }
    }

    /// Takes out those that the log was found to have; returns the others.
    func withoutFound(_ entries: [Entry]) throws -> [Entry] {
        let ids = try database.look(generation: generation) { database in
            let statement = try database.cachedStatement(sql: "SELECT 1 FROM outbox_found WHERE message_id = ?")
            return try entries.filter { try Int.fetchOne(statement, arguments: [$0.messageID]) != nil }.map(\.messageID)
        }
        if ids.isEmpty { return entries }
        let found = Set(ids)
        let gone = entries.filter { found.contains($0.messageID) }
        try database.change(generation: generation) { database in
            try Self.remove(gone, database)
            let statement = try database.cachedStatement(sql: "DELETE FROM outbox_found WHERE message_id = ?")
            for id in ids { try statement.execute(arguments: [id]) }
        }
        return entries.filter { !found.contains($0.messageID) }
    }

    /// They are in the log, in front of these ends.
    func published(_ entries: [Entry], ends: [Int: Int64]) throws {
        try database.change(generation: generation) { database in
            try Self.remove(entries, database)
            try Self.move(ends, database)
        }
    }

    private static func remove(_ entries: [Entry], _ database: Database) throws {
        let statement = try database.cachedStatement(sql: "DELETE FROM outbox WHERE number = ?")
        for entry in entries { try statement.execute(arguments: [entry.number]) }
    }

    private static func move(_ ends: [Int: Int64], _ database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "INSERT INTO outbox_ends VALUES (?, ?) ON CONFLICT DO UPDATE SET next = max(next, excluded.next)")
        for (partition, end) in ends { try statement.execute(arguments: [partition, end]) }
    }
}

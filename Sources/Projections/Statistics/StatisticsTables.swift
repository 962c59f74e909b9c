internal import EventModel
internal import Foundation
internal import GRDB

/// The tables of the statistics, and what is added to them. Names and ids are BLOBs: they may have any character.
enum StatisticsTables {
    static let statements = """
        CREATE TABLE counts (
            figure INTEGER NOT NULL, start INTEGER NOT NULL, name BLOB NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (figure, start, name)) WITHOUT ROWID;
        CREATE TABLE names (
            figure INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (figure, start)) WITHOUT ROWID;
        CREATE TABLE uniques (day INTEGER NOT NULL, id BLOB NOT NULL, sketch BLOB NOT NULL, PRIMARY KEY (day, id)) WITHOUT ROWID;
        CREATE TABLE active (slot INTEGER PRIMARY KEY, sketch BLOB NOT NULL);
        """

    static func add(_ delta: StatisticsDelta.Sums, _ database: Database) throws {
        var counts = try NamedCounts(database)
        for (key, added) in delta.counts { try counts.add(added, key) }
        try counts.finish()
        for (key, added) in delta.uniques {
            // Users are told of vehicles whose views are.
            if counts.isNameless(.init(figure: .views, start: Int64(key.day), name: key.id)) { continue }
            let known = try Data.fetchOne(
                database.cachedStatement(sql: "SELECT sketch FROM uniques WHERE day = ? AND id = ?"),
                arguments: [key.day, TextBlob.data(key.id.string)])
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO uniques VALUES (?, ?, ?)")
                .execute(arguments: [key.day, TextBlob.data(key.id.string), merged(known, added)])
        }
        for (slot, added) in delta.active {
            let known = try Data.fetchOne(
                database.cachedStatement(sql: "SELECT sketch FROM active WHERE slot = ?"), arguments: [slot])
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO active VALUES (?, ?)").execute(arguments: [
                slot, merged(known, added),
            ])
        }
    }

    private static func merged(_ known: Data?, _ added: UniqueSketch) throws -> Data {
        guard let known else { return Data(added.bytes) }
        var sketch = try sketch(known)
        sketch.merge(added)
        return Data(sketch.bytes)
    }

    static func sketch(_ data: Data) throws -> UniqueSketch {
        guard let sketch = data.withUnsafeBytes(UniqueSketch.init) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a sketch is not what was written")
        }
        return sketch
    }
}

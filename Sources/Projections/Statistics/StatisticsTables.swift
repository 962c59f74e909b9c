internal import EventModel
internal import Foundation
internal import GRDB

/// The tables of the statistics, and what is added to them. Names and ids are BLOBs: they may have any character.
enum StatisticsTables {
    static let statements = """
        CREATE TABLE counts (
            span INTEGER NOT NULL, start INTEGER NOT NULL, event BLOB NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (span, start, event)) WITHOUT ROWID;
        CREATE TABLE figures (
            day INTEGER NOT NULL, figure INTEGER NOT NULL, id BLOB NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (day, figure, id)) WITHOUT ROWID;
        CREATE TABLE uniques (day INTEGER NOT NULL, id BLOB NOT NULL, sketch BLOB NOT NULL, PRIMARY KEY (day, id)) WITHOUT ROWID;
        CREATE TABLE active (slot INTEGER PRIMARY KEY, sketch BLOB NOT NULL);
        """

    static func add(_ delta: StatisticsDelta.Sums, _ database: Database) throws {
        let count = try database.cachedStatement(
            sql: "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count")
        for (bucket, added) in delta.counts {
            try count.execute(arguments: [bucket.span.rawValue, bucket.start, TextBlob.data(bucket.event.string), added])
        }
        let figure = try database.cachedStatement(
            sql: "INSERT INTO figures VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count")
        for (key, added) in delta.figures {
            try figure.execute(arguments: [key.day, key.figure.rawValue, TextBlob.data(key.id.string), added])
        }
        for (key, added) in delta.uniques {
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

internal import EventModel
internal import Foundation
internal import GRDB

/// Adds to the counts of the statistics, each under its name while there are not too many of them, and then without: so the whole is right
/// whatever clients send.
struct NamedCounts {
    typealias Key = StatisticsDelta.Key

    private struct Place: Hashable {
        let figure: StatisticsDelta.Figure
        let start: Int64
    }

    private let database: Database
    private let update, insertion: Statement
    /// Names that there are, of what was looked up.
    private var nameCounts: [Place: Int64] = [:]
    private var nameless: Set<Key> = []

    init(_ database: Database) throws {
        self.database = database
        update = try database.cachedStatement(
            sql: "UPDATE counts SET count = count + ? WHERE figure = ? AND start = ? AND name = ?")
        insertion = try database.cachedStatement(sql: "INSERT INTO counts (count, figure, start, name) VALUES (?, ?, ?, ?)")
    }

    /// Whether this one was added without its name.
    func isNameless(_ key: Key) -> Bool { nameless.contains(key) }

    mutating func add(_ count: Int64, _ key: Key) throws {
        if try execute(update, count, key) { return }
        if key.name != StatisticsDelta.none {
            let place = Place(figure: key.figure, start: key.start)
            let known = try nameCount(place)
            guard known < key.figure.namesMax else {
                nameless.insert(key)
                return try add(count, Key(figure: key.figure, start: key.start, name: StatisticsDelta.none))
            }
            nameCounts[place] = known + 1
        }
        _ = try execute(insertion, count, key)
    }

    /// Writes how many names there are now.
    func finish() throws {
        let statement = try database.cachedStatement(sql: "INSERT OR REPLACE INTO names (figure, start, count) VALUES (?, ?, ?)")
        for (place, count) in nameCounts { try statement.execute(arguments: [place.figure.rawValue, place.start, count]) }
    }

    /// False: there is no such row.
    private func execute(_ statement: Statement, _ count: Int64, _ key: Key) throws -> Bool {
        try statement.execute(arguments: [count, key.figure.rawValue, key.start, TextBlob.data(key.name.string)])
        return database.changesCount > 0
    }

    private func nameCount(_ place: Place) throws -> Int64 {
        if let known = nameCounts[place] { return known }
        return try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT count FROM names WHERE figure = ? AND start = ?"),
            arguments: [place.figure.rawValue, place.start]) ?? 0
    }
}

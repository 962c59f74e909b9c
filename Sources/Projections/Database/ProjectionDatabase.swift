internal import Consumption
internal import EventLog
internal import Foundation
internal import GRDB
internal import RecordFormat
internal import Synchronization

/// The SQLite file of one projection: its own tables, and beside them how far it has come and what it had to pass over, so that all of these
/// change in one transaction.
///
/// The file is a cache of the log. One that was made of another log or by another version, or that is damaged, is removed, and the
/// projection begins anew.
final class ProjectionDatabase: Sendable {
    private struct State {
        /// nil: not opened yet.
        var pool: DatabasePool?
        var committed: [Int64] = []
        var passedOver = PassedOver()
        /// What was found wrong with the file; `open` makes it anew.
        var damage: String?
        /// How many files were opened or made so far.
        var generation = 0
    }

    /// Records that are kept with their reason; of those beyond, only the number.
    private static let setAsideMax = 10_000

    private let file: ProjectionFile
    private let onAnew: @Sendable (String) -> Void
    private let state = Mutex(State())
    /// Raised by whoever has written what others wait for.
    let changes = GrowthSignal()

    /// - Parameter onAnew: told why a file that was there is made anew from the log.
    init(_ file: ProjectionFile, onAnew: @escaping @Sendable (String) -> Void) {
        self.file = file
        self.onAnew = onAnew
    }

    var committed: [Int64] { state.withLock { $0.committed } }
    var passedOver: PassedOver { state.withLock { $0.passedOver } }
    /// 0 until the file is open; another number when it was made anew.
    var generation: Int { state.withLock { $0.generation } }

    /// - Parameter generation: nil: whatever file there is.
    private func pool(_ generation: Int? = nil) throws -> DatabasePool {
        let (pool, damage, here) = state.withLock { ($0.pool, $0.damage, $0.generation) }
        guard let pool else { throw NotReady(reason: "\(file.path) is not open yet") }
        if let generation, generation != here { throw NotReady(reason: "\(file.path) was made anew") }
        if let damage { throw NotReady(reason: "\(file.path) is to be made anew: \(damage)") }
        return pool
    }

    /// - Throws: `NotReady` where something was found wrong with the file since it was opened.
    func check() throws { _ = try pool() }

    /// Opens the file where that was not done yet, or makes it; and makes it anew where it was found to be damaged, or goes further than the
    /// log, which is then another one. Blocks. True: it begins anew, or was opened now.
    func open(_ bounds: [OffsetBounds]) throws -> Bool {
        guard let pool = state.withLock({ $0.pool }) else {
            let pool = try file.open(onAnew: onAnew)
            if goesFurther(try kept(pool).committed, than: bounds) {
                try? pool.close()
                try makeAnew("it goes further than the log")
            } else {
                try use(pool)
            }
            return true
        }
        guard
            let reason = state.withLock({ $0.damage })
                ?? (goesFurther(committed, than: bounds) ? "it goes further than the log" : nil)
        else { return false }
        try? pool.close()
        try makeAnew(reason)
        return true
    }

    private func goesFurther(_ committed: [Int64], than bounds: [OffsetBounds]) -> Bool {
        zip(committed, bounds).contains { $0 > $1.highWatermark.value }
    }

    private func makeAnew(_ reason: String) throws {
        onAnew("\(file.path): \(reason)")
        try use(file.makeAnew())
    }

    private func use(_ pool: DatabasePool) throws {
        let (committed, passedOver) = try kept(pool)
        state.withLock {
            $0 = State(pool: pool, committed: committed, passedOver: passedOver, generation: $0.generation + 1)
        }
    }

    private func kept(_ pool: DatabasePool) throws -> (committed: [Int64], passedOver: PassedOver) {
        try pool.read { try Self.kept($0, file.source.partitionCount) }
    }

    /// Says that what the file holds cannot be trusted: it is made anew the next time that its consumer looks.
    func condemn(_ reason: String) { state.withLock { $0.damage = reason } }

    /// Runs `body` on one state of the file, whatever is written meanwhile; on a thread of the database's, for those who must not block theirs.
    func read<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) async throws -> Result {
        do { return try await pool().read(body) } catch { throw noting(error) }
    }

    // MARK: For consumers

    // These block, and run on the calling thread: consumers have threads of their own, which yield to others. Work that such a thread handed
    // to a queue would run on threads that the queue made for it, and that inherit that they yield, also to look-ups.

    /// Runs `body` on one state of the file.
    ///
    /// - Parameter generation: of the file that is meant; where it was made anew, this throws.
    func look<Result>(generation: Int? = nil, _ body: (Database) throws -> Result) throws -> Result {
        do { return try pool(generation).read(body) } catch { throw noting(error) }
    }

    /// Runs `changes` and moves the positions with them, in one transaction.
    func write(
        positions: [PartitionID: Int64], gaps: [ConsumptionGap] = [], setAside: [KeptRecord] = [],
        _ changes: (Database) throws -> Void
    ) throws {
        let partitionCount = file.source.partitionCount
        let now: (committed: [Int64], passedOver: PassedOver)
        do {
            now = try pool().write { database in
                try changes(database)
                for (partition, position) in positions {
                    try database.cachedStatement(sql: "UPDATE positions SET next = ? WHERE partition = ?")
                        .execute(arguments: [position, partition.number])
                }
                for gap in gaps { try Self.add(gap, database) }
                for record in setAside { try Self.add(record, database) }
                return try Self.kept(database, partitionCount)
            }
        } catch {
            throw noting(error)
        }
        state.withLock { ($0.committed, $0.passedOver) = now }
    }

    /// Runs `changes`, which move no positions, in one transaction.
    ///
    /// - Parameter generation: of the file that is meant; where it was made anew, this throws.
    func change(generation: Int? = nil, _ changes: (Database) throws -> Void) throws {
        do { try pool(generation).write(changes) } catch { throw noting(error) }
    }

    private func noting(_ error: any Error) -> any Error {
        if let error = error as? DatabaseError, error.isOfDamage { state.withLock { $0.damage = error.description } }
        return error
    }

    func close() {
        guard let pool = state.withLock({ $0.pool }) else { return }
        try? pool.close()
        // So that the file alone is left and holds everything: the pool's readers, which are closed last, may not do it.
        guard let last = try? DatabaseQueue(path: file.path) else { return }
        _ = try? last.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        try? last.close()
    }

    // MARK: What every projection keeps

    private static func add(_ gap: ConsumptionGap, _ database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO gaps VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET offsets = offsets + excluded.offsets, last_reason = excluded.last_reason
                """
        ).execute(arguments: [gap.partition.number, gap.cause.rawValue, gap.offsets.count, gap.reason])
    }

    private static func add(_ kept: KeptRecord, _ database: Database) throws {
        try database.execute(sql: "UPDATE set_aside_count SET count = count + 1")
        guard try Int.fetchOne(database, sql: "SELECT count(*) FROM set_aside") ?? 0 < setAsideMax else { return }
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?, ?)")
            .execute(arguments: [kept.record.partition.number, kept.record.offset, kept.record.reason, kept.key, kept.value])
    }

    private static func kept(_ database: Database, _ partitionCount: Int) throws -> ([Int64], PassedOver) {
        var committed = Array(repeating: Int64(0), count: partitionCount)
        for row in try Row.fetchAll(database.cachedStatement(sql: "SELECT partition, next FROM positions")) {
            committed[row["partition"]] = row["next"]
        }
        var passedOver = PassedOver()
        passedOver.setAside = try Int64.fetchOne(database.cachedStatement(sql: "SELECT count FROM set_aside_count")) ?? 0
        for row in try Row.fetchAll(
            database.cachedStatement(sql: "SELECT cause, sum(offsets) AS offsets FROM gaps GROUP BY cause"))
        {
            if let cause = ConsumptionGap.Cause(rawValue: row["cause"]) { passedOver.gaps[cause] = row["offsets"] }
        }
        return (committed, passedOver)
    }
}

/// A record that was set aside, and what it holds.
struct KeptRecord: Sendable {
    let record: PoisonRecord
    let key: Data?
    let value: Data?

    /// Those of a delivery.
    static func all(of delivery: Delivery) -> [KeptRecord] {
        delivery.setAside.map { record in
            var (key, value): (Data?, Data?)
            for slice in delivery.slices where slice.partition == record.partition {
                let place = slice.batches.place(atOrAfter: record.offset)
                guard place < slice.batches.count, slice.batches.offset(at: place) == record.offset else { continue }
                slice.batches.withRecord(at: place) { view in
                    key = view.key.map { Data($0) }
                    value = view.value.map { Data($0) }
                }
            }
            return KeptRecord(record: record, key: key, value: value)
        }
    }
}

/// A projection cannot be asked yet.
package struct NotReady: Error, CustomStringConvertible {
    package let reason: String
    package var description: String { reason }
}

extension DatabaseError {
    /// Whether the file's bytes are not what was written.
    var isOfDamage: Bool { resultCode == .SQLITE_CORRUPT || resultCode == .SQLITE_NOTADB }
}

internal import EventLog
internal import EventModel
internal import Synchronization
internal import Telemetry

/// Inserts rows into the table of events, which it finds or makes when it is first needed; and finds those that cannot be stored.
final class ClickHouseInserter: Sendable {
    /// A row that the server refuses for what is in it.
    struct Refused {
        let partition: Int
        let offset: Int64
        let reason: String
    }

    /// Rows that are found one by one, as the server names them, before the others are halved.
    private static let namedMax = 16

    let client: ClickHouseClient
    let database: String
    private let logName: String
    let hasher: RecordIdentityHasher
    private let warn: @Sendable (String) -> Void
    private let found = Mutex<ClickHouseTable?>(nil)
    let counts = ClickHouseCounts()
    /// Ids whose rows were inserted with less than is known by now.
    private let unstitched = Mutex<[ExactText]>([])

    init(
        _ client: ClickHouseClient, database: String, logName: String, hasher: RecordIdentityHasher,
        warn: @escaping @Sendable (String) -> Void
    ) {
        self.client = client
        self.database = database
        self.logName = logName
        self.hasher = hasher
        self.warn = warn
    }

    func addUnstitched(_ ids: [ExactText]) { unstitched.withLock { $0 += ids } }

    func takeUnstitched() -> [ExactText] {
        unstitched.withLock { ids in
            defer { ids = [] }
            return ids
        }
    }

    func table() async throws -> ClickHouseTable {
        if let table = found.withLock({ $0 }) { return table }
        let table = try await ClickHouseTable.find(client, database: database, warn: warn)
        found.withLock { $0 = table }
        return table
    }

    /// Stores the rows; returns those that can never be stored, when all others are.
    ///
    /// - Throws: `ClickHouseFailure` where it may be tried again; some of the rows may be stored then.
    ///
    /// - Parameter namespace: what the server is to take for a repetition, it takes for one within this.
    func insert(_ rows: ClickHouseRows, namespace: String = "") async throws -> [Refused] {
        var refused: [Refused] = []
        var pieces = [Array(rows.rows.indices)]
        while var piece = pieces.popLast() {
            var namedCount = 0
            while !piece.isEmpty, let failure = try await attempt(rows, piece, namespace) {
                if piece.count == 1 {
                    refused.append(Self.refused(rows.rows[piece[0]], failure))
                    break
                }
                if case .rows(let place?) = failure.kind, piece.indices.contains(place - 1), namedCount < Self.namedMax {
                    // The row is tried alone: what the server quotes may look like a place too, and then it is another one.
                    let row = piece.remove(at: place - 1)
                    if let failure = try await attempt(rows, [row], namespace) {
                        refused.append(Self.refused(rows.rows[row], failure))
                        namedCount += 1
                    } else {
                        namedCount = Self.namedMax
                    }
                } else {
                    let half = piece.count / 2
                    pieces.append(Array(piece[half...]))
                    piece.removeSubrange(half...)
                }
            }
        }
        return refused
    }

    private static func refused(_ row: ClickHouseRows.Row, _ failure: ClickHouseFailure) -> Refused {
        Refused(partition: row.partition, offset: row.offset, reason: failure.description)
    }

    /// Why the rows cannot be stored as they are; nil: they are stored.
    private func attempt(_ rows: ClickHouseRows, _ places: [Int], _ namespace: String) async throws -> ClickHouseFailure? {
        let table = try await table()
        var parameters = table.settings
        if table.takesToken { parameters.append(("insert_deduplication_token", token(rows, places, namespace))) }
        let began = ContinuousClock.now
        do {
            try await client.insert(table.insertStatement, parameters, block: rows.block(places))
        } catch let failure as ClickHouseFailure {
            switch failure.kind {
            case .rows: return failure
            case .later:
                // Somebody may have changed the table, or removed it: it is looked at again, or made.
                found.withLock { $0 = nil }
                throw failure
            }
        }
        counts.add(rows: places.count, after: ContinuousClock.now - began)
        return nil
    }

    /// Names exactly these rows, in whatever order: by their places and their messageIds, for a log that has lost its end gives a place again.
    private func token(_ rows: ClickHouseRows, _ places: [Int], _ namespace: String) -> String {
        var (first, second): (UInt64, UInt64) = (0, 0)
        for place in places {
            let row = rows.rows[place]
            let identity = (row.identity.high, UInt64(row.identity.low), Int64(row.partition), row.offset)
            withUnsafeBytes(of: identity) { bytes in
                let (high, low) = SipHash128.hash(bytes, key: hasher.key)
                first &+= high
                second &+= low
            }
        }
        return "okla-\(logName)-\(namespace)-\(places.count)-\(String(first, radix: 16))-\(String(second, radix: 16))"
    }
}

/// What was inserted, and how long that took.
final class ClickHouseCounts: MetricsSource {
    private let latency = Histogram(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000])
    private let rows = Mutex<Int64>(0)

    func add(rows count: Int, after duration: Duration) {
        rows.withLock { $0 += Int64(count) }
        latency.record(Int(duration / .milliseconds(1)))
    }

    func write(to text: inout PrometheusText) {
        text.add("clickhouse_inserts_total", .counter, help: "Inserts that ClickHouse has done.", Int64(latency.snapshot.count))
        text.add("clickhouse_rows_total", .counter, help: "Rows of these inserts.", rows.withLock { $0 })
        text.add("clickhouse_insert_latency_ms", help: "Milliseconds until an insert was done.", latency)
    }
}

internal import Consumption
internal import EventModel

/// What the exporter to ClickHouse keeps: how far it is, the batch that is under way, and ids whose rows are to get their users.
struct ClickHouseState: Codable {
    /// Rows that are sent as one, fixed before they are sent for the first time: a repetition after a crash is of the same ones.
    struct Batch: Codable, Equatable {
        /// Behind its last offset, of each partition; it begins at the positions.
        let ends: [Int64]
        /// How often it was tried. A later attempt's rows take the place of an earlier one's, whichever arrives first.
        var attempts: Int64 = 0
    }

    var checkpoint: ExporterCheckpoint
    var batch: Batch?
    /// Anonymous ids that became somebody's, and rows of which may be there without a user.
    var unstitched: [String] = []

    static func load(from store: any CheckpointStore, log: String, partitionCount: Int) throws -> ClickHouseState {
        let new = ClickHouseState(checkpoint: ExporterCheckpoint(log: log, positions: Array(repeating: 0, count: partitionCount)))
        let kept = try store.load(ClickHouseState.self) { kept in
            kept.checkpoint.positions.allSatisfy { $0 >= 0 } && kept.batch?.ends.count ?? partitionCount == partitionCount
        }
        guard let kept, kept.checkpoint.log == log, kept.checkpoint.positions.count == partitionCount else { return new }
        return kept
    }
}

/// Rows that a server refused, with the reason: the last ones; of those beyond, only the number is known.
struct ClickHouseSetAside: Codable {
    struct Row: Codable {
        let partition: Int
        let offset: Int64
        let reason: String
    }

    static let rowsMax = 10_000

    let log: String
    var rows: [Row] = []

    init(log: String) { self.log = log }

    /// Empty where it is of another log.
    static func load(from store: any CheckpointStore, log: String) throws -> ClickHouseSetAside {
        let kept = try store.load(ClickHouseSetAside.self) ?? ClickHouseSetAside(log: log)
        return kept.log == log ? kept : ClickHouseSetAside(log: log)
    }

    /// Adds rows, each once however often its batch was tried.
    mutating func add(_ refused: [ClickHouseInserter.Refused]) {
        for row in refused where !rows.contains(where: { $0.partition == row.partition && $0.offset == row.offset }) {
            rows.append(Row(partition: row.partition, offset: row.offset, reason: row.reason))
        }
        if rows.count > Self.rowsMax { rows.removeFirst(rows.count - Self.rowsMax) }
    }
}

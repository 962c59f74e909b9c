internal import Consumption
internal import EventLog
internal import EventModel

/// Brings a replay into ClickHouse: rows that are missing come, and those that are there stay as they are, with the users that they got later.
final class ClickHouseReplayTarget: ReplayTarget {
    /// Below that of any row that the exporter has sent.
    private static let version: Int64 = 0

    private let inserter: ClickHouseInserter
    private let aliases: any AliasSource
    private let warn: @Sendable (String) -> Void

    init(_ inserter: ClickHouseInserter, aliases: any AliasSource, warn: @escaping @Sendable (String) -> Void) {
        self.inserter = inserter
        self.aliases = aliases
        self.warn = warn
    }

    // A row that is written twice is one: so nothing needs to be found again.
    func mark() async throws -> [Int64] { [] }
    func written(by replay: String, since mark: [Int64]) async throws -> Set<ReplayPlace> { [] }

    func write(_ chunk: ReplayChunk, of replay: String) async throws {
        let rows = ClickHouseRows(for: try await inserter.table(), version: Self.version)
        guard await aliases.reachEnd() else {
            throw ClickHouseFailure("whose events are is not known yet: the aliases are behind")
        }
        var failure: (any Error)?
        chunk.forEachRecord { record in
            // What is no JSON has no row.
            try? rows.add(record, partition: PartitionID(chunk.partition)) { id, time in
                do {
                    return try aliases.owners(of: ExactText(id)).first { $0.holds(time) }?.user
                } catch {
                    failure = error
                    return nil
                }
            } onAlias: { _ in
            }
        }
        if let failure { throw failure }
        if rows.rows.isEmpty { return }
        if let first = try await inserter.insert(rows).first {
            warn("a replay left rows out, as of partition \(first.partition), offset \(first.offset): \(first.reason)")
        }
    }
}

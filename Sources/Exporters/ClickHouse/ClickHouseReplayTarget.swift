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
        guard await aliases.reachSettled() else {
            throw ClickHouseFailure("whose events are is not known yet: the aliases are behind")
        }
        let rows = ClickHouseRows(for: try await inserter.table(), version: Self.version, hasher: inserter.hasher)
        var owners = KnownOwners(aliases)
        chunk.forEachRecord { record in
            // What is no JSON has no row.
            try? rows.add(record, partition: PartitionID(chunk.partition)) { id, time in
                owners.owner(of: ExactText(id), at: time)
            } onAlias: { _ in
            }
        }
        if let failure = owners.failure { throw failure }
        if rows.rows.isEmpty { return }
        if let first = try await inserter.insert(rows, namespace: replay).first {
            warn("a replay left rows out, as of partition \(first.partition), offset \(first.offset): \(first.reason)")
        }
        // What became known while they were on their way came too late for them, and its update too early.
        var now = KnownOwners(aliases)
        inserter.addUnstitched(owners.used.filter { now.owner(of: $0.id, at: $0.time) != $0.user }.map(\.id))
    }
}

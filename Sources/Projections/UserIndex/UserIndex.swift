package import Consumption
package import EventLog
internal import Foundation
internal import GRDB
internal import RecordFormat
internal import Synchronization

/// Which records are whose: for every key the offsets of its records, in the order of the log.
///
/// A user's records lie in one partition, that of their key. The offsets of a partition are cut into runs; the run that is being filled is in
/// memory, a full one becomes rows of the table, sorted by user, behind all that are there. So a record costs the same however large the
/// log is, and a lookup asks one partition's runs, the newest first.
///
/// Invariants:
/// 1. What lies before `committed` is in the table, what lies from there up to the consumer's position is in memory.
/// 2. `committed` is a multiple of the run's length.
package final class UserIndex: Consumer {
    package static let groupName = "user-index"

    /// A partition's run that is not in the table yet.
    struct OpenRun {
        var epoch: Int64 = 0
        var postings: [Posting] = []
        var gaps: [ConsumptionGap] = []
    }

    struct PartitionState {
        /// The next offset to take.
        var position: Int64 = 0
        /// The first one that is not in the table.
        var stored: Int64 = 0
        /// In order; all but the last are full and wait to be written.
        var runs: [OpenRun] = [OpenRun()]
        /// Runs before this one were removed, as the log has lost their records to retention.
        var removedBefore: Int64 = 0
    }

    let database: ProjectionDatabase
    let numbering: RunNumbering
    private let hasher: RecordIdentityHasher
    let state: Mutex<[PartitionState]>

    /// - Parameters:
    ///   - runLength: offsets of one run; nil: as many as memory allows for so many partitions.
    ///   - onAnew: told why a file that was there is made anew from the log.
    package init(
        folder: String, topic: TopicDefinition, hasher: RecordIdentityHasher, runLength: Int64? = nil,
        onAnew: @escaping @Sendable (String) -> Void
    ) {
        numbering = RunNumbering(length: runLength ?? RunNumbering.length(partitionCount: topic.partitionCount))
        let file = ProjectionFile(
            folder: folder, name: Self.groupName, version: 1,
            tables: """
                CREATE TABLE postings (run INTEGER NOT NULL, user INTEGER NOT NULL, list BLOB NOT NULL, PRIMARY KEY (run, user)) WITHOUT ROWID;
                """, source: .init(topic: topic, hasher: hasher, detail: "runs of \(numbering.length)"))
        database = ProjectionDatabase(file, onAnew: onAnew)
        self.hasher = hasher
        state = Mutex(Array(repeating: PartitionState(), count: topic.partitionCount))
    }

    package var group: String { Self.groupName }
    package var committed: [Int64] { database.committed }
    package var held: [Int64] { state.withLock { $0.map(\.position) } }
    package var passedOver: PassedOver {
        var all = database.passedOver
        for gap in state.withLock({ $0.flatMap { $0.runs.flatMap(\.gaps) } }) {
            all.gaps[gap.cause, default: 0] += Int64(gap.offsets.count)
        }
        return all
    }
    package func close() { database.close() }

    func user(_ key: UnsafeRawBufferPointer) -> UInt64 { hasher.identity(of: key).high }

    // MARK: Consuming

    package func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        if try database.open(bounds) {
            let committed = database.committed
            state.withLock { state in
                for partition in state.indices {
                    state[partition] = PartitionState(position: committed[partition], stored: committed[partition])
                    state[partition].runs = [OpenRun(epoch: numbering.epoch(of: committed[partition]))]
                }
            }
        }
        return state.withLock { $0.map(\.position) }
    }

    package func take(_ delivery: Delivery) async throws {
        // What an earlier attempt could not write goes first: no more comes into memory before it.
        try await writeFullRuns()
        state.withLock { state in
            for gap in delivery.gaps where gap.cause == .retention { Self.pass(gap, &state[gap.partition.number], numbering) }
            for slice in delivery.slices { add(slice, to: &state[slice.partition.number]) }
            for gap in delivery.gaps where gap.cause == .damage {
                let runs = state[gap.partition.number].runs
                state[gap.partition.number].runs[runs.count - 1].gaps.append(gap)
            }
        }
        try await writeFullRuns()
    }

    private func add(_ slice: RecordSlice, to state: inout PartitionState) {
        guard slice.offsets.lowerBound == state.position else { return }
        for place in slice.places {
            let offset = slice.batches.offset(at: place)
            Self.openRun(of: offset, &state, numbering)
            slice.batches.withRecord(at: place) { record in
                guard let key = record.key else { return }
                let posting = Posting(
                    user: user(key), place: UInt32(offset - numbering.firstOffset(ofEpoch: numbering.epoch(of: offset))),
                    nameMark: record.header("event").map(Posting.nameMark) ?? 0)
                state.runs[state.runs.count - 1].postings.append(posting)
            }
        }
        Self.openRun(of: slice.offsets.upperBound, &state, numbering)
        state.position = slice.offsets.upperBound
    }

    /// Makes the last run that of `offset`.
    private static func openRun(of offset: Int64, _ state: inout PartitionState, _ numbering: RunNumbering) {
        let epoch = numbering.epoch(of: offset)
        if state.runs[state.runs.count - 1].epoch < epoch { state.runs.append(OpenRun(epoch: epoch)) }
    }

    /// The log has lost the records up to where a gap ends: those in memory among them are of no use any more.
    private static func pass(_ gap: ConsumptionGap, _ state: inout PartitionState, _ numbering: RunNumbering) {
        openRun(of: gap.offsets.upperBound, &state, numbering)
        state.runs[state.runs.count - 1].gaps.append(gap)
        state.position = gap.offsets.upperBound
    }

    package func caughtUp(_ bounds: [OffsetBounds]) async throws {
        try database.check()
        try await writeFullRuns()
        try await removeExpired(bounds)
    }

    // MARK: The table

    private func writeFullRuns() async throws {
        let count = state.withLock { $0.count }
        for partition in 0..<count {
            while let run = state.withLock({ $0[partition].runs.count > 1 ? $0[partition].runs[0] : nil }) {
                try await write(run, partition)
            }
        }
    }

    private func write(_ run: OpenRun, _ partition: Int) async throws {
        let rows = Self.rows(run)
        let number = numbering.run(epoch: run.epoch, partition: partition)
        let end = state.withLock { numbering.firstOffset(ofEpoch: $0[partition].runs[1].epoch) }
        try database.write(positions: [PartitionID(partition): end], gaps: run.gaps) { database in
            let statement = try database.cachedStatement(sql: "INSERT OR REPLACE INTO postings VALUES (?, ?, ?)")
            for row in rows {
                try statement.execute(arguments: [number, Int64(bitPattern: row.user), row.list])
            }
        }
        state.withLock { state in
            state[partition].runs.removeFirst()
            state[partition].stored = end
        }
    }

    /// Sorted as the table sorts them.
    private static func rows(_ run: OpenRun) -> [(user: UInt64, list: Data)] {
        let sorted = run.postings.sorted {
            ($0.user ^ 1 << 63, $0.place) < ($1.user ^ 1 << 63, $1.place)
        }
        var rows: [(user: UInt64, list: Data)] = []
        var start = 0
        var list: [UInt8] = []
        while start < sorted.count {
            var end = start
            while end < sorted.count, sorted[end].user == sorted[start].user { end += 1 }
            list.removeAll(keepingCapacity: true)
            PostingList.append(sorted[start..<end], to: &list)
            rows.append((sorted[start].user, Data(list)))
            start = end
        }
        return rows
    }

    /// Removes the runs whose records the log has lost to retention, each by itself, so that nobody waits long for it.
    private func removeExpired(_ bounds: [OffsetBounds]) async throws {
        for (partition, bounds) in bounds.enumerated() {
            var (epoch, stored) = state.withLock { ($0[partition].removedBefore, $0[partition].stored) }
            let end = numbering.epoch(of: min(bounds.start.value, stored))
            while epoch < end {
                let number = numbering.run(epoch: epoch, partition: partition)
                try database.change {
                    try $0.cachedStatement(sql: "DELETE FROM postings WHERE run = ?").execute(arguments: [number])
                }
                epoch += 1
                state.withLock { [epoch] in $0[partition].removedBefore = epoch }
            }
        }
    }
}

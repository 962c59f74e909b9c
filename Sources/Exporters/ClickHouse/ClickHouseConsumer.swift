internal import Consumption
internal import EventLog
internal import EventModel
internal import RecordFormat
internal import Synchronization

/// Brings the log's events into a table of ClickHouse, in batches.
///
/// Invariants:
/// 1. What a batch holds is kept before it is sent; after a crash, or where the answer is lost, the same is sent again.
/// 2. Positions move behind a batch when all of its rows are stored, or set aside.
/// 3. A row is built with what is known of its id's user then: at least all that the events said that were taken before. Each id of which more is
///    said later gets a mutation, made after that row was inserted, and when all of that is known.
final class ClickHouseConsumer: Consumer, @unchecked Sendable {
    // Sendable: its runner calls it from one task at a time; what others ask for is behind the mutex.

    private struct Shown {
        var committed: [Int64] = []
        var passedOver = PassedOver()
    }

    /// Bytes of rows, above which a batch is sent however few they are.
    private static let batchBytesMax = 64 << 20
    /// Ids that wait for a mutation, above which it is not put off any more.
    private static let unstitchedMax = 10_000

    let group = ClickHouseSettings.name
    let idleInterval: Duration

    private let inserter: ClickHouseInserter
    private let settings: ClickHouseSettings
    private let context: ExporterContext
    private let file: any CheckpointStore
    private let setAsideFile: any CheckpointStore
    private let shown = Mutex(Shown())

    /// nil: not read yet.
    private var state: ClickHouseState?
    private var setAside = ClickHouseSetAside()
    /// Rows that are not sent yet, and what there is behind them.
    private var rows: ClickHouseRows?
    private var taken: [Int64] = []
    private var gaps = PassedOver()
    private var unreadable: [ClickHouseInserter.Refused] = []
    private var bufferedAt = ContinuousClock.now
    private var unstitched: Set<ExactText> = []
    private var stitchedAt = ContinuousClock.now

    init(_ inserter: ClickHouseInserter, settings: ClickHouseSettings, context: ExporterContext) {
        self.inserter = inserter
        self.settings = settings
        self.context = context
        file = context.checkpoint(ClickHouseSettings.name)
        setAsideFile = context.checkpoint("\(ClickHouseSettings.name)-set-aside")
        idleInterval = min(.seconds(1), .milliseconds(settings.flushMilliseconds))
    }

    var committed: [Int64] { shown.withLock { $0.committed } }
    var passedOver: PassedOver { shown.withLock { $0.passedOver } }

    // MARK: Consuming

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        if state == nil {
            let kept = try ClickHouseState.load(
                from: file, log: context.logName, partitionCount: context.events.partitionCount)
            setAside = ClickHouseSetAside.load(from: setAsideFile)
            state = kept
            unstitched = Set(kept.unstitched.map(ExactText.init))
            show(kept)
        }
        forgetLostEnd(bounds)
        // What is not sent is read again.
        rows = nil
        unreadable = []
        gaps = PassedOver()
        _ = try await inserter.table()
        if let batch = state?.batch {
            try await read(to: batch.ends)
            try await send()
        }
        taken = state?.checkpoint.positions ?? []
        return taken
    }

    /// A log that does not sync may have lost its end. What comes in its place was not sent.
    private func forgetLostEnd(_ bounds: [OffsetBounds]) {
        guard var kept = state else { return }
        let ends = bounds.map(\.highWatermark.value)
        if let batch = kept.batch, zip(batch.ends, ends).contains(where: { $0 > $1 }) { kept.batch = nil }
        kept.checkpoint.positions = zip(kept.checkpoint.positions, ends).map { min($0, $1) }
        state = kept
        show(kept)
    }

    /// Reads the batch that was under way again.
    private func read(to ends: [Int64]) async throws {
        let table = try await inserter.table()
        guard let kept = state, let batch = kept.batch else { return }
        taken = kept.checkpoint.positions
        try await waitForAliases()
        rows = ClickHouseRows(for: table, version: batch.attempts + 1)
        taken = ends
        for (number, end) in ends.enumerated() {
            let partition = TopicPartition(context.events.name, PartitionID(number))
            var position = kept.checkpoint.positions[number]
            while position < end {
                let start = try context.feed.bounds(of: partition).start.value
                if start > position {
                    // Retention was here first.
                    gaps.gaps[.retention, default: 0] += min(start, end) - position
                    position = min(start, end)
                    continue
                }
                guard let batches = try await context.feed.read(partition, from: position),
                    let slice = RecordSlice(partition.partition, batches, from: position)
                else {
                    throw LogError(.io, "what stands at offset \(position) cannot be read yet", partition: partition)
                }
                for place in slice.places where slice.batches.offset(at: place) < end {
                    try slice.batches.withRecord(at: place) { try add($0, partition.partition) }
                }
                for gap in slice.gaps { gaps.gaps[.damage, default: 0] += Int64(gap.offsets.clamped(to: position..<end).count) }
                position = min(slice.offsets.upperBound, end)
            }
        }
    }

    func take(_ delivery: Delivery) async throws {
        let table = try await inserter.table()
        try await waitForAliases()
        if rows == nil {
            rows = ClickHouseRows(for: table, version: 1)
            bufferedAt = .now
        }
        try delivery.forEachRecord { partition, record in try add(record, partition) }
        gaps.add(delivery)
        for (partition, position) in delivery.positions { taken[partition.number] = position }
        guard let count = rows?.rows.count, let byteCount = rows?.byteCount else { return }
        if count >= settings.bufferSize || byteCount >= Self.batchBytesMax || isFlushDue { try await flush() }
        if unstitched.count >= Self.unstitchedMax { try await stitch() }
    }

    /// Where aliases are made anew, they are behind for a while.
    private func waitForAliases() async throws {
        guard await context.aliases.reach(taken) else {
            throw ClickHouseFailure("whose events are is not known yet: the aliases are behind")
        }
    }

    private var isFlushDue: Bool { ContinuousClock.now - bufferedAt >= .milliseconds(settings.flushMilliseconds) }

    private func add(_ record: RecordView, _ partition: PartitionID) throws {
        var failure: (any Error)?
        do throws(JSONParser.Refusal) {
            try rows?.add(record, partition: partition) { id, time in
                do {
                    return try context.aliases.owners(of: ExactText(id)).first { $0.holds(time) }?.user
                } catch {
                    failure = error
                    return nil
                }
            } onAlias: {
                unstitched.insert($0)
            }
        } catch {
            unreadable.append(.init(partition: partition.number, offset: record.offset, reason: "the event is no JSON: \(error)"))
        }
        if let failure { throw failure }
    }

    func caughtUp(_ bounds: [OffsetBounds]) async throws {
        if rows != nil, isFlushDue { try await flush() }
        if !unstitched.isEmpty, ContinuousClock.now - stitchedAt >= .milliseconds(settings.stitchMilliseconds) {
            try await stitch()
        }
    }

    // MARK: Sending

    private func flush() async throws {
        if state?.batch == nil { state?.batch = .init(ends: taken) }
        try await send()
    }

    private func send() async throws {
        guard var kept = state, kept.batch != nil else { return }
        kept.batch?.attempts += 1
        kept.unstitched = unstitched.map(\.string).sorted()
        try kept.save(to: file)
        state = kept
        var refused = unreadable
        if let rows, !rows.rows.isEmpty { refused += try await inserter.insert(rows) }
        if !refused.isEmpty {
            setAside.add(refused)
            try setAside.save(to: setAsideFile)
            context.warn(
                group,
                "\(refused.count) rows were set aside, of which the first is partition \(refused[0].partition), offset "
                    + "\(refused[0].offset): \(refused[0].reason)")
        }
        kept.checkpoint.positions = taken
        kept.checkpoint.setAside += Int64(refused.count) + gaps.setAside
        for (cause, count) in gaps.gaps { kept.checkpoint.missed[cause.rawValue, default: 0] += count }
        kept.batch = nil
        try kept.save(to: file)
        state = kept
        show(kept)
        rows = nil
        unreadable = []
        gaps = PassedOver()
    }

    private func show(_ state: ClickHouseState) {
        shown.withLock { $0 = Shown(committed: state.checkpoint.positions, passedOver: state.checkpoint.passedOver) }
    }

    // MARK: Stitching

    /// Has the rows of ids that became somebody's updated, where no earlier update is under way.
    private func stitch() async throws {
        stitchedAt = .now
        let table = try await inserter.table()
        guard try await !isMutating(table) else { return }
        // Everything that was said up to here counts, and every row that was built without that is in the table.
        if rows != nil { try await flush() }
        guard await context.aliases.reach(taken) else { return }
        let ids = unstitched.sorted().prefix(ClickHouseStitching.idsMax)
        let owners = try ids.map { (id: $0.string, owners: try context.aliases.owners(of: $0)) }
        for batch in ClickHouseStitching.batches(owners) {
            _ = try await inserter.client.query(
                ClickHouseStitching.statement(batch, in: table), table.takesToken ? [("mutations_sync", "0")] : [])
        }
        unstitched.subtract(ids)
        state?.unstitched = unstitched.map(\.string).sorted()
        try state?.save(to: file)
    }

    private func isMutating(_ table: ClickHouseTable) async throws -> Bool {
        let answer = try await inserter.client.query(
            "SELECT count() FROM system.mutations WHERE database = \(ClickHouseSQL.text(table.database)) AND table = "
                + "\(ClickHouseSQL.text(ClickHouseTable.name)) AND NOT is_done")
        return Int(answer.prefix { $0.isNumber }) != 0
    }
}

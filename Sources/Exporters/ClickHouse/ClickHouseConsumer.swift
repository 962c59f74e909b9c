internal import Consumption
internal import EventLog
internal import EventModel
internal import RecordFormat

/// Brings the log's events into a table of ClickHouse, in batches.
///
/// Invariants:
/// 1. What a batch holds is kept before it is sent; after a crash, or where the answer is lost, the same is sent again. One is under way at a time.
/// 2. Positions move behind a batch when all of its rows are stored, or set aside.
/// 3. A row is built with what is known of its id's user then: at least all that the events said that were taken before. Each id of which more is
///    said later gets a mutation, made after that row was inserted, and when all of that is known.
final class ClickHouseConsumer: Consumer, @unchecked Sendable {
    // Sendable: its runner calls it from one task at a time; what others ask for is in `shown`.

    /// Bytes of rows, above which a batch is sent however few they are.
    private static let batchBytesMax = 64 << 20
    /// Ids that may wait for their rows' users; beyond, rows wait too.
    private static let unstitchedMax = 20_000

    let group = ClickHouseSettings.name
    let idleInterval: Duration

    private let inserter: ClickHouseInserter
    private let settings: ClickHouseSettings
    private let context: ExporterContext
    private let file: any CheckpointStore
    private let setAsideFile: any CheckpointStore
    private let shown = ShownProgress()

    /// nil: not read yet.
    private var state: ClickHouseState?
    private var setAside: ClickHouseSetAside
    /// Rows on their way to the server, and what moves when they are there.
    private struct Sent {
        let ends: [Int64]
        let gaps: PassedOver
        let unreadable: [ClickHouseInserter.Refused]
        let insertion: Task<[ClickHouseInserter.Refused], any Error>
    }

    /// The batch that is under way; while the server stores it, rows of the next one are made.
    private var sent: Sent?
    /// Rows that are not sent yet, and what there is behind them.
    private var rows: ClickHouseRows?
    private var taken: [Int64] = []
    private var gaps = PassedOver()
    private var unreadable: [ClickHouseInserter.Refused] = []
    private var bufferedAt = ContinuousClock.now
    private var unstitched = UnstitchedIDs()
    private var stitchedAt = ContinuousClock.now

    init(_ inserter: ClickHouseInserter, settings: ClickHouseSettings, context: ExporterContext) {
        self.inserter = inserter
        self.settings = settings
        self.context = context
        setAside = ClickHouseSetAside(log: context.logName)
        file = context.checkpoint(ClickHouseSettings.name)
        setAsideFile = context.checkpoint("\(ClickHouseSettings.name)-set-aside")
        idleInterval = min(.seconds(1), .milliseconds(settings.flushMilliseconds))
    }

    var committed: [Int64] { shown.committed }
    var passedOver: PassedOver { shown.passedOver }
    /// Why rows do not get their users at the moment, while everything else goes on.
    var obstacle: String? { shown.obstacle }

    // MARK: Consuming

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        if state == nil {
            let kept = try ClickHouseState.load(
                from: file, log: context.logName, partitionCount: context.events.partitionCount)
            setAside = try ClickHouseSetAside.load(from: setAsideFile, log: context.logName)
            unstitched = UnstitchedIDs(kept.unstitched)
            forgetLostEnd(of: kept)
        }
        // Whether it failed or not: the state says what is to be done.
        try? await settle()
        // What is not sent is read again.
        rows = nil
        unreadable = []
        gaps = PassedOver()
        _ = try await inserter.table()
        if let batch = state?.batch {
            try await read(to: batch.ends)
            try send()
            try await settle()
        }
        taken = state?.checkpoint.positions ?? []
        return taken
    }

    /// A log that does not sync may have lost its end. What comes in its place was not sent.
    private func forgetLostEnd(of read: ClickHouseState) {
        var kept = read
        let ends = context.endsAtStart(context.events)
        if let batch = kept.batch, zip(batch.ends, ends).contains(where: { $0 > $1 }) { kept.batch = nil }
        kept.checkpoint.positions = zip(kept.checkpoint.positions, ends).map { min($0, $1) }
        state = kept
        shown.show(kept.checkpoint)
    }

    /// Reads the batch that was under way again.
    private func read(to ends: [Int64]) async throws {
        let table = try await inserter.table()
        guard let kept = state, let batch = kept.batch else { return }
        taken = kept.checkpoint.positions
        try await waitForAliases()
        var owners = KnownOwners(context.aliases)
        rows = ClickHouseRows(for: table, version: batch.attempts + 1, hasher: context.hasher)
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
                    slice.batches.withRecord(at: place) { add($0, partition.partition, &owners) }
                }
                for gap in slice.gaps { gaps.gaps[.damage, default: 0] += Int64(gap.offsets.clamped(to: position..<end).count) }
                position = min(slice.offsets.upperBound, end)
            }
        }
        if let failure = owners.failure { throw failure }
    }

    func take(_ delivery: Delivery) async throws {
        let table = try await inserter.table()
        try await waitForAliases()
        if rows == nil {
            rows = ClickHouseRows(for: table, version: 1, hasher: context.hasher)
            bufferedAt = .now
        }
        var owners = KnownOwners(context.aliases)
        delivery.forEachRecord { partition, record in add(record, partition, &owners) }
        if let failure = owners.failure { throw failure }
        gaps.add(delivery)
        for (partition, position) in delivery.positions { taken[partition.number] = position }
        guard let count = rows?.rows.count, let byteCount = rows?.byteCount else { return }
        if count >= settings.bufferSize || byteCount >= Self.batchBytesMax || isFlushDue { try await flush() }
        try await stitchIfDue()
        guard unstitched.count < Self.unstitchedMax else {
            throw ClickHouseFailure(
                "\(unstitched.count) ids wait for their rows' users: \(obstacle ?? "an update of rows is under way")")
        }
    }

    /// Where aliases are made anew, they are behind for a while.
    private func waitForAliases() async throws {
        guard await context.aliases.reach(taken) else {
            throw ClickHouseFailure("whose events are is not known yet: the aliases are behind")
        }
    }

    private var isFlushDue: Bool { ContinuousClock.now - bufferedAt >= .milliseconds(settings.flushMilliseconds) }

    private func add(_ record: RecordView, _ partition: PartitionID, _ owners: inout KnownOwners) {
        do throws(JSONParser.Refusal) {
            try rows?.add(record, partition: partition) { id, time in
                owners.owner(of: ExactText(id), at: time)
            } onAlias: {
                unstitched.insert($0)
            }
        } catch {
            unreadable.append(.init(partition: partition.number, offset: record.offset, reason: "the event is no JSON: \(error)"))
        }
    }

    func caughtUp(_ bounds: [OffsetBounds]) async throws {
        if rows != nil, isFlushDue { try await flush() }
        try await settle()
        try await stitchIfDue()
    }

    // MARK: Sending

    /// Sends what is buffered, when what was sent before is stored; returns when it is on its way.
    private func flush() async throws {
        // Here, on the consumer's own thread, and while the server is at work.
        rows?.pack()
        try await settle(isFollowed: true)
        state?.batch = .init(ends: taken)
        try send()
    }

    private func send() throws {
        guard var kept = state, kept.batch != nil else { return }
        kept.batch?.attempts += 1
        kept.unstitched = unstitched.texts
        try file.save(kept)
        state = kept
        shown.show(kept.checkpoint)
        sent = Sent(
            ends: taken, gaps: gaps, unreadable: unreadable,
            insertion: Task { [inserter, rows] in
                guard let rows, !rows.rows.isEmpty else { return [] }
                return try await inserter.insert(rows)
            })
        rows = nil
        unreadable = []
        gaps = PassedOver()
    }

    /// Waits until the batch that is under way is stored, and moves on behind it.
    ///
    /// - Parameter isFollowed: another one is sent at once, and with that it is kept where this one ended.
    private func settle(isFollowed: Bool = false) async throws {
        guard let sent, var kept = state else { return }
        self.sent = nil
        let refused =
            try await sent.unreadable
            + withTaskCancellationHandler {
                try await sent.insertion.value
            } onCancel: {
                sent.insertion.cancel()
            }
        if !refused.isEmpty {
            setAside.add(refused)
            try setAsideFile.save(setAside)
            context.warn(
                group,
                "\(refused.count) rows were set aside, of which the first is partition \(refused[0].partition), offset "
                    + "\(refused[0].offset): \(refused[0].reason)")
        }
        kept.checkpoint.positions = sent.ends
        kept.checkpoint.setAside += Int64(refused.count) + sent.gaps.setAside
        for (cause, count) in sent.gaps.gaps { kept.checkpoint.missed[cause.rawValue, default: 0] += count }
        kept.batch = nil
        if !isFollowed {
            try file.save(kept)
            shown.show(kept.checkpoint)
        }
        state = kept
    }

    // MARK: Stitching

    /// At most once in the configured time. What goes wrong with it is told, and does not hold up the rows.
    private func stitchIfDue() async throws {
        for id in inserter.takeUnstitched() { unstitched.insert(id) }
        guard unstitched.count > 0, ContinuousClock.now - stitchedAt >= .milliseconds(settings.stitchMilliseconds) else { return }
        stitchedAt = .now
        let table = try await inserter.table()
        // Everything that was said up to here counts, and every row that was built without that is in the table.
        if rows != nil { try await flush() }
        try await settle()
        var problem: String?
        do {
            problem = try await stitch(table)
        } catch let failure as ClickHouseFailure {
            problem = "rows do not get the users that are known by now: \(failure)"
        }
        if shown.meet(problem), let problem { context.warn(group, problem) }
    }

    /// Has the rows of the first ids updated.
    ///
    /// - Returns: why that must wait; nil: it is done, or will be soon.
    private func stitch(_ table: ClickHouseTable) async throws -> String? {
        if let minutes = try await mutatingMinutes(table) {
            return minutes > 10 ? "an update of the table has been under way for \(minutes) minutes; see system.mutations" : nil
        }
        guard await context.aliases.reach(taken) else { return nil }
        let ids = Array(unstitched.ids.prefix(ClickHouseStitching.idsMax))
        let owners = try ids.map { (id: $0.string, owners: try context.aliases.owners(of: $0)) }
        for statement in ClickHouseStitching(table).statements(owners) {
            _ = try await inserter.client.query(statement, table.takesToken ? [("mutations_sync", "0")] : [])
        }
        unstitched.removeFirst(ids.count)
        state?.unstitched = unstitched.texts
        if let state { try file.save(state) }
        return nil
    }

    /// For how long the oldest update of the table has been under way; nil: none is.
    private func mutatingMinutes(_ table: ClickHouseTable) async throws -> Int? {
        let answer = try await inserter.client.query(
            "SELECT toInt64(count()), toInt64(toUInt32(now())) - toInt64(toUInt32(min(create_time))) FROM system.mutations WHERE "
                + "database = \(ClickHouseSQL.text(table.database)) AND table = \(ClickHouseSQL.text(ClickHouseTable.name)) "
                + "AND NOT is_done")
        let fields = answer.split { $0 == "\t" || $0 == "\n" }.compactMap { Int($0) }
        return fields.first == 0 ? nil : (fields.last ?? 0) / 60
    }
}

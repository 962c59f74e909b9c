internal import EventLog
internal import RecordFormat

/// Works through a replay from where it stands to its end, once: whatever goes wrong ends it, and it can be begun again from what was
/// kept last.
///
/// Invariant: what is kept says of the target what is true: all that the filter takes before `positions` is there once, and what this
/// replay has written besides stands behind `mark`.
struct ReplayRun {
    /// Records of one write, and the bytes above which it ends.
    private static let chunkRecords = 2000
    private static let chunkBytes = 1 << 20
    /// What was done is kept at least after so many; what was written since is looked for after a crash.
    private static let keepRecords: Int64 = 50_000

    let plan: ReplayPlan
    let topic: TopicName
    let feed: LogFeed
    /// nil: nothing is written.
    let target: (any ReplayTarget)?
    /// What was done is kept at least so often.
    let keepInterval: Duration
    /// Told of each step.
    let show: @Sendable (ReplayProgress) -> Void
    /// Returns once a progress will be there after a crash.
    let keep: @Sendable (ReplayProgress) async throws -> Void

    private(set) var progress: ReplayProgress
    private var found: Set<ReplayPlace> = []
    private var filter: RecordFilter
    private var pace: Pace
    private var keptAt = ContinuousClock.now
    private var keptCount: Int64 = 0

    init(
        plan: ReplayPlan, from progress: ReplayProgress, topic: TopicName, feed: LogFeed, target: (any ReplayTarget)?,
        keepInterval: Duration,
        show: @escaping @Sendable (ReplayProgress) -> Void, keep: @escaping @Sendable (ReplayProgress) async throws -> Void
    ) {
        self.plan = plan
        self.progress = progress
        self.topic = topic
        self.feed = feed
        self.target = target
        self.keepInterval = keepInterval
        self.show = show
        self.keep = keep
        filter = RecordFilter(events: plan.events, user: plan.user)
        pace = Pace(eventsPerSecond: plan.isDry ? nil : plan.eventsPerSecond)
        keptCount = progress.writtenCount
    }

    mutating func run() async throws {
        try Task.checkCancellation()
        if let target {
            if let mark = progress.mark {
                found = try await target.written(by: plan.id, since: mark)
                forgetPassed()
            } else {
                progress.mark = try await target.mark()
                try await keep(progress)
            }
        }
        for (number, range) in plan.ranges.enumerated() where progress.positions[number] < range.upperBound {
            try await feed.settle(partition(number))
        }
        var isAtEnd = false
        while !isAtEnd {
            isAtEnd = true
            // The partitions take turns, so that what is of one time comes at about one time.
            for (number, range) in plan.ranges.enumerated() where progress.positions[number] < range.upperBound {
                try await advance(number, to: range.upperBound)
                isAtEnd = false
            }
        }
    }

    private func partition(_ number: Int) -> TopicPartition { TopicPartition(topic, PartitionID(number)) }

    /// Goes through what is read at once of a partition.
    private mutating func advance(_ number: Int, to end: Int64) async throws {
        let bounds = try feed.bounds(of: partition(number))
        let reachable = min(max(bounds.start.value, progress.positions[number]), end)
        if reachable > progress.positions[number] || bounds.highWatermark.value <= reachable {
            guard bounds.takesWrites else {
                throw LogError(
                    .io,
                    "it does not serve offset \(progress.positions[number]), and takes no writes: what it holds is known when a restart "
                        + "has recovered it", partition: partition(number))
            }
            // Retention was here first; or the log has lost its end.
            let lost = progress.positions[number]..<(reachable > progress.positions[number] ? reachable : end)
            return try await reach(lost.upperBound, of: number, over: [.init(offsets: lost, reason: "they are not there")])
        }
        guard let batches = try await feed.read(partition(number), from: progress.positions[number]),
            let slice = RecordSlice(partition(number).partition, batches, from: progress.positions[number])
        else {
            throw LogError(
                .io, "what stands at offset \(progress.positions[number]) cannot be read yet", partition: partition(number))
        }
        var next = slice.places.lowerBound
        while next < slice.places.upperBound, batches.offset(at: next) < end {
            next = try await pass(slice, from: next, below: end)
        }
        if progress.positions[number] < min(slice.offsets.upperBound, end) {
            try await reach(min(slice.offsets.upperBound, end), of: number, over: slice.gaps)
        }
    }

    /// Writes the next records of a slice; returns the place behind them.
    private mutating func pass(_ slice: RecordSlice, from first: Int, below end: Int64) async throws -> Int {
        var (places, byteCount, passed) = ([Int](), 0, 0)
        var next = first
        let number = slice.partition.number
        while next < slice.places.upperBound, slice.batches.offset(at: next) < end, passed < Self.chunkRecords,
            byteCount < Self.chunkBytes, places.count < pace.recordsAtOnce
        {
            slice.batches.withRecord(at: next) { record in
                progress.readCount += 1
                guard filter.takes(record) else { return }
                progress.count(event: record.header("event"))
                guard target != nil else { return }
                progress.writtenCount += 1
                // What was written before a crash counts, and is not written again.
                guard found.remove(ReplayPlace(partition: number, offset: record.offset)) == nil else { return }
                places.append(next)
                byteCount += (record.value?.count ?? 0) + (record.key?.count ?? 0)
            }
            next += 1
            passed += 1
        }
        if let target, !places.isEmpty {
            try await target.write(ReplayChunk(partition: number, batches: slice.batches, places: places), of: plan.id)
        }
        try await reach(slice.batches.offset(at: next - 1) + 1, of: number, over: slice.gaps)
        try await pace.wait(after: places.count)
        return next
    }

    /// All before `position` is done.
    private mutating func reach(_ position: Int64, of number: Int, over gaps: [InflatedBatches.Gap]) async throws {
        for gap in gaps { progress.missedCount += Int64(gap.offsets.clamped(to: progress.positions[number]..<position).count) }
        progress.positions[number] = position
        if !gaps.isEmpty { forgetPassed() }
        progress.problem = nil
        show(progress)
        try Task.checkCancellation()
        guard ContinuousClock.now - keptAt >= keepInterval || progress.writtenCount - keptCount >= Self.keepRecords else {
            return
        }
        try await keepProgress()
    }

    /// Nobody comes by what lies before the positions, so it must not keep the mark from moving.
    private mutating func forgetPassed() {
        if found.isEmpty { return }
        found = found.filter {
            progress.positions.indices.contains($0.partition) && $0.offset >= progress.positions[$0.partition]
        }
    }

    /// Keeps how far it is, where no write is under way.
    private mutating func keepProgress() async throws {
        // Those that were found before are all that stands behind the mark until they are passed.
        if found.isEmpty, let target { progress.mark = try await target.mark() }
        try await keep(progress)
        keptAt = .now
        keptCount = progress.writtenCount
    }
}

/// Holds a replay to its rate.
private struct Pace {
    private let eventsPerSecond: Int?
    /// When what was written so far may have been written, at the earliest.
    private var due = ContinuousClock.now

    init(eventsPerSecond: Int?) { self.eventsPerSecond = eventsPerSecond }

    /// A tenth of a second's.
    var recordsAtOnce: Int { eventsPerSecond.map { max(1, $0 / 10) } ?? .max }

    mutating func wait(after count: Int) async throws {
        guard let eventsPerSecond, count > 0 else { return }
        // What was missed is not made up for.
        due = max(due, .now) + .seconds(1) * count / eventsPerSecond
        try await Task.sleep(until: due, clock: .continuous)
    }
}

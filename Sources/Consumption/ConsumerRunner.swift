package import EventLog
internal import RecordFormat
internal import Synchronization

/// Carries a topic's records to a consumer, for as long as it runs: from where the consumer says, in the order of each partition, at
/// the consumer's pace, whatever fails meanwhile.
///
/// Invariants:
/// 1. Of one partition the consumer is given each offset once and in order, unless it has thrown: then from where it resumes.
/// 2. A position moves only behind what the consumer has taken, or behind a gap that it was told of.
package final class ConsumerRunner: Sendable {
    /// Told of what an operator should know.
    package enum Notice: Sendable {
        case failed(reason: String, attempt: Int)
        case recovered
        case setAside(PoisonRecord)
        case passedOver(ConsumptionGap)
    }

    /// Inflated bytes of one delivery, above which no further partition is added.
    private static let deliveryBytes = 2 << 20
    /// How often a poisonous record is tried before it is set aside.
    private static let poisonAttempts = 3
    /// So long records may come together before they are looked for again.
    private static let gathering = Duration.milliseconds(5)

    private struct State {
        var activity = ConsumerStatus.Activity.starting
        var positions: [Int64] = []
        var takenCount: Int64 = 0
        var failureCount: Int64 = 0
    }

    /// Records that were to blame for failures, and for how many.
    private struct Suspects {
        private var all: [(record: PoisonRecord, attempts: Int)] = []

        mutating func blame(_ record: PoisonRecord) {
            if let known = all.firstIndex(where: { $0.record.offset == record.offset && $0.record.partition == record.partition })
            {
                all[known].attempts += 1
            } else {
                all.append((record, 1))
            }
        }

        /// Those among `slices` that are not to be tried again.
        func setAside(among slices: [RecordSlice]) -> [PoisonRecord] {
            all.compactMap { record, attempts in
                guard attempts >= poisonAttempts,
                    slices.contains(where: { $0.partition == record.partition && $0.offsets.contains(record.offset) })
                else { return nil }
                return record
            }
        }

        mutating func forget(_ records: [PoisonRecord]) {
            all.removeAll { suspect in
                records.contains { $0.partition == suspect.record.partition && $0.offset == suspect.record.offset }
            }
        }
    }

    package let consumer: any Consumer
    private let partitions: [TopicPartition]
    private let feed: LogFeed
    private let makeBackoff: @Sendable () -> Backoff
    private let onNotice: @Sendable (Notice) -> Void
    private let state = Mutex(State())
    /// Raised when the consumer has taken something.
    private let progress = GrowthSignal()
    private let growth: GrowthSignal

    package init(
        _ consumer: any Consumer, topic: TopicDefinition, feed: LogFeed,
        makeBackoff: @escaping @Sendable () -> Backoff = { Backoff() },
        onNotice: @escaping @Sendable (Notice) -> Void = { _ in }
    ) {
        self.consumer = consumer
        self.feed = feed
        self.makeBackoff = makeBackoff
        self.onNotice = onNotice
        growth = feed.growth(of: topic.name)
        partitions = (0..<topic.partitionCount).map { TopicPartition(topic.name, PartitionID($0)) }
    }

    // MARK: Running

    /// Runs until the task is cancelled.
    package func run() async {
        var backoff = makeBackoff()
        var suspects = Suspects()
        var attempt = 0
        while !Task.isCancelled {
            do {
                let positions = try await consumer.resume(try bounds())
                precondition(positions.count == partitions.count)
                state.withLock { $0.positions = positions }
                try await follow(&suspects) {
                    if attempt > 0 { onNotice(.recovered) }
                    attempt = 0
                    backoff.reset()
                }
            } catch is CancellationError {
                break
            } catch {
                attempt += 1
                if let record = error as? PoisonRecord { suspects.blame(record) }
                let held = consumer.held
                state.withLock {
                    $0.activity = .retrying(reason: "\(error)")
                    $0.failureCount += 1
                    if held.count == $0.positions.count { $0.positions = zip($0.positions, held).map(min) }
                }
                onNotice(.failed(reason: "\(error)", attempt: attempt))
                try? await Task.sleep(for: backoff.next())
            }
        }
        state.withLock { $0.activity = .stopped }
    }

    private func follow(_ suspects: inout Suspects, onSuccess: () -> Void) async throws {
        while true {
            try Task.checkCancellation()
            let seen = growth.count
            let bounds = try bounds()
            if let delivery = try await next(bounds, suspects) {
                state.withLock { $0.activity = .catchingUp }
                try await consumer.take(delivery)
                taken(delivery, &suspects)
                onSuccess()
            } else {
                try await consumer.caughtUp(bounds)
                onSuccess()
                state.withLock { $0.activity = .following }
                progress.raise()
                await wait(beyond: seen)
            }
        }
    }

    private func taken(_ delivery: Delivery, _ suspects: inout Suspects) {
        let records = delivery.slices.reduce(0) { $0 + $1.places.count } - delivery.setAside.count
        state.withLock { state in
            for (partition, position) in delivery.positions { state.positions[partition.number] = position }
            state.takenCount += Int64(records)
        }
        for record in delivery.setAside { onNotice(.setAside(record)) }
        for gap in delivery.gaps { onNotice(.passedOver(gap)) }
        suspects.forget(delivery.setAside)
        progress.raise()
    }

    private func bounds() throws(LogError) -> [OffsetBounds] {
        var bounds: [OffsetBounds] = []
        for partition in partitions { bounds.append(try feed.bounds(of: partition)) }
        return bounds
    }

    /// What has come to rest behind the consumer's positions, of each partition a piece; nil: nothing.
    private func next(_ bounds: [OffsetBounds], _ suspects: Suspects) async throws -> Delivery? {
        let positions = state.withLock { $0.positions }
        var slices: [RecordSlice] = []
        var gaps: [ConsumptionGap] = []
        var byteCount = 0
        for (number, partition) in partitions.enumerated() where byteCount < Self.deliveryBytes {
            var position = positions[number]
            let start = bounds[number].start.value
            if position < start {
                gaps.append(
                    ConsumptionGap(
                        partition: partition.partition, offsets: position..<start, cause: .retention,
                        reason: "they were removed before \(consumer.group) came to them"))
                position = start
            }
            guard position < bounds[number].settled.value,
                let batches = try await feed.read(partition, from: position),
                let slice = RecordSlice(partition.partition, batches, from: position)
            else { continue }
            slices.append(slice)
            gaps += slice.gaps.map {
                ConsumptionGap(partition: partition.partition, offsets: $0.offsets, cause: .damage, reason: $0.reason)
            }
            byteCount += batches.byteCount
        }
        if slices.isEmpty && gaps.isEmpty { return nil }
        return Delivery(slices: slices, setAside: suspects.setAside(among: slices), gaps: gaps)
    }

    /// Returns when there may be more, or after a while.
    private func wait(beyond seen: UInt64) async {
        await growth.wait(beyond: seen, atMost: consumer.idleInterval)
        try? await Task.sleep(for: Self.gathering)
    }

    // MARK: For others

    package var status: ConsumerStatus {
        let state = state.withLock { $0 }
        let committed = consumer.committed
        return ConsumerStatus(
            group: consumer.group, activity: consumer.obstacle.map { .retrying(reason: $0) } ?? state.activity,
            partitions: partitions.enumerated().compactMap { number, partition in
                guard let bounds = try? feed.bounds(of: partition) else { return nil }
                let saved = number < committed.count ? committed[number] : 0
                return ConsumerStatus.Partition(
                    partition: partition, position: number < state.positions.count ? state.positions[number] : saved,
                    committed: saved, bounds: bounds)
            },
            passedOver: consumer.passedOver, takenCount: state.takenCount, failureCount: state.failureCount)
    }

    /// Behind what the consumer has taken, of each partition.
    package var positions: [Int64] {
        let positions = state.withLock { $0.positions }
        return positions.isEmpty ? consumer.committed : positions
    }

    /// Where each partition ends now.
    package func ends() throws(LogError) -> [Int64] { try bounds().map(\.highWatermark.value) }

    /// Waits until the consumer has taken what each partition holds now, which is brought to rest for it. False: it was not done in time.
    package func reachEnd(atMost timeout: Duration) async -> Bool {
        guard let ends = try? ends() else { return false }
        return await reach(ends, atMost: timeout)
    }

    /// Up to where each partition has come to rest now.
    package func settledEnds() throws(LogError) -> [Int64] { try bounds().map(\.settled.value) }

    /// Waits until the consumer has taken everything before `ends`. False: it was not done in time.
    ///
    /// - Parameter settling: what is before `ends` is brought to rest for it, where that is not so.
    package func reach(_ ends: [Int64], atMost timeout: Duration, settling: Bool = true) async -> Bool {
        let deadline = ContinuousClock.now + timeout
        func isReached() -> Bool {
            state.withLock { state in
                state.positions.count == ends.count && zip(state.positions, ends).allSatisfy { $0 >= $1 }
            }
        }
        if isReached() { return true }
        if settling { for partition in partitions { try? await feed.settle(partition) } }
        while true {
            let seen = progress.count
            if isReached() { return true }
            let left = deadline - ContinuousClock.now
            if left <= .zero || Task.isCancelled { return false }
            await progress.wait(beyond: seen, atMost: left)
        }
    }
}

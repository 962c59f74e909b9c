internal import Consumption
internal import EventLog
internal import Synchronization

/// Counts the log's events in Redis, which also keeps how far they are counted. What a file beside the log says of it is only shown while Redis
/// cannot be asked.
final class RedisConsumer: Consumer, @unchecked Sendable {
    // Sendable: its runner calls it from one task at a time; what others ask for is behind the mutex.

    private struct Shown {
        var committed: [Int64] = []
        var passedOver = PassedOver()
    }

    private static let fileInterval = Duration.seconds(1)

    let group = RedisSettings.name
    private let book: RedisBook
    private let file: any CheckpointStore
    private let logName: String
    private let partitionCount: Int
    private let shown = Mutex(Shown())
    /// As Redis has them.
    private var positions: [Int: Int64] = [:]
    /// What the file says was read.
    private var isFileRead = false
    private var filed: (positions: [Int64], at: ContinuousClock.Instant) = ([], .now)

    init(_ book: RedisBook, file: any CheckpointStore, logName: String, partitionCount: Int) {
        self.book = book
        self.file = file
        self.logName = logName
        self.partitionCount = partitionCount
    }

    var committed: [Int64] { shown.withLock { $0.committed } }
    var passedOver: PassedOver { shown.withLock { $0.passedOver } }

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        readFile()
        let kept = try book.kept()
        positions = kept.positions
        let committed = bounds.enumerated().map { partition, bounds in
            // A log that does not sync may have lost its end. What comes in its place was not counted.
            min(positions[partition] ?? 0, bounds.highWatermark.value)
        }
        shown.withLock { $0 = Shown(committed: committed, passedOver: kept.passedOver) }
        return committed
    }

    func take(_ delivery: Delivery) async throws {
        try book.count(delivery, from: positions)
        for (partition, position) in delivery.positions { positions[partition.number] = position }
        shown.withLock { shown in
            for (partition, position) in delivery.positions { shown.committed[partition.number] = position }
            shown.passedOver.add(delivery)
        }
        if ContinuousClock.now - filed.at > Self.fileInterval { writeFile() }
    }

    func caughtUp(_ bounds: [OffsetBounds]) async throws { writeFile() }

    // MARK: The file

    // Nothing depends on it, so what goes wrong with it is passed over.

    private func readFile() {
        if isFileRead { return }
        isFileRead = true
        guard let kept = try? ExporterCheckpoint.load(from: file, log: logName, partitionCount: partitionCount) else { return }
        shown.withLock { $0 = Shown(committed: kept.positions, passedOver: kept.passedOver) }
    }

    private func writeFile() {
        let now = shown.withLock { $0 }
        if now.committed == filed.positions { return }
        filed = (now.committed, .now)
        try? ExporterCheckpoint(log: logName, positions: now.committed, passedOver: now.passedOver).save(to: file)
    }
}

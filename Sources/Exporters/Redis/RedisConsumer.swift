internal import Consumption
internal import EventLog

/// Counts the log's events in Redis, which also keeps how far they are counted. What a file beside the log says of it is only shown while Redis
/// cannot be asked.
///
/// While Redis counts one delivery, the figures of the next one are made; positions move behind a delivery when it is counted.
final class RedisConsumer: Consumer, @unchecked Sendable {
    // Sendable: its runner calls it from one task at a time; what others ask for is in `shown`.

    private static let fileInterval = Duration.seconds(1)

    let group = RedisSettings.name
    private let book: RedisBook
    /// Where the book is used while a delivery is counted.
    private let thread: any TaskExecutor
    private let file: any CheckpointStore
    private let logName: String
    private let endsAtStart: [Int64]
    private let shown = ShownProgress()
    /// As Redis has them.
    private var positions: [Int: Int64] = [:]
    /// A delivery on its way.
    private var sent: (delivery: Delivery, count: Task<RedisBook.Clock, any Error>)?
    /// When the last one was counted; nil: none was since it began, or since something went wrong. Then each is waited for, until one is.
    private var clock: (read: RedisBook.Clock, at: ContinuousClock.Instant)?
    /// Whether they were read, and compared with where the log ended then.
    private var isCompared = false
    /// What the file says was read.
    private var isFileRead = false
    private var filed: (positions: [Int64], at: ContinuousClock.Instant) = ([], .now)

    init(
        _ book: RedisBook, thread: any TaskExecutor, file: any CheckpointStore, logName: String, endsAtStart: [Int64]
    ) {
        self.book = book
        self.thread = thread
        self.file = file
        self.logName = logName
        self.endsAtStart = endsAtStart
    }

    var committed: [Int64] { shown.committed }
    var passedOver: PassedOver { shown.passedOver }

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        readFile()
        // Whether it failed or not: Redis says what is counted.
        try? await settle()
        clock = nil
        let kept = try book.kept()
        positions = kept.positions
        if !isCompared {
            // A log that does not sync may have lost its end. What comes in its place was not counted, also where Redis can be asked only
            // after that has come.
            for (partition, end) in endsAtStart.enumerated() where positions[partition] ?? 0 > end {
                try book.moveBack(partition, to: end)
                positions[partition] = end
            }
            isCompared = true
        }
        let committed = bounds.indices.map { positions[$0] ?? 0 }
        shown.show(ExporterCheckpoint(log: logName, positions: committed, passedOver: kept.passedOver))
        return committed
    }

    func take(_ delivery: Delivery) async throws {
        let prepared = try clock.map { try RedisBook.prepare(delivery, $0.read.after(.now - $0.at)) }
        try await settle()
        let count = Task(executorPreference: thread) { [book, positions] in try book.count(delivery, prepared, from: positions) }
        sent = (delivery, count)
        if clock == nil { try await settle() }
        if ContinuousClock.now - filed.at > Self.fileInterval { writeFile() }
    }

    /// Waits until the delivery that is under way is counted.
    private func settle() async throws {
        guard let (delivery, count) = sent else { return }
        sent = nil
        clock = (try await count.value, .now)
        for (partition, position) in delivery.positions { positions[partition.number] = position }
        shown.pass(delivery)
    }

    func caughtUp(_ bounds: [OffsetBounds]) async throws {
        try await settle()
        writeFile()
    }

    // MARK: The file

    // Nothing depends on it, so what goes wrong with it is passed over.

    private func readFile() {
        if isFileRead { return }
        isFileRead = true
        guard let kept = try? ExporterCheckpoint.load(from: file, log: logName, partitionCount: endsAtStart.count) else { return }
        shown.show(kept)
    }

    private func writeFile() {
        guard let now = shown.checkpoint, now.positions != filed.positions else { return }
        filed = (now.positions, .now)
        try? file.save(now)
    }
}

internal import AdminAPI
internal import Consumption
internal import EventLog
internal import Ingestion
internal import LogStorage
internal import Logging
internal import Projections

/// Everything that reads the log as it grows: each a consumer group of its own, at its own pace.
struct ConsumerGroups: Sendable {
    /// Inflated batches that are kept for lookups, beside those for the groups.
    private static let lookupBytes = 8 << 20
    /// The folder, in the data directory, of what is made of the log.
    static let folderName = "projections"

    /// Of the files of all projections.
    static let descriptorsMax = 4 * ProjectionFile.descriptorsMax
    /// How long an event that was received may take until the log has it, in milliseconds: while its request waits, or the disk.
    private static let hangMax: Int64 = 5000

    /// Those of the projections, and then those of the exporters.
    let runners: [ConsumerRunner]
    let exporters: RunningExporters
    private let projections: [ConsumerRunner]
    let publishers: [DerivedPublisher]
    let users: UserLookup
    let statistics: StatisticsDesk
    private let threads: BackgroundThreads
    private let close: @Sendable () -> Void

    /// - Parameter dataDirectory: where each of them has what it keeps.
    init(_ engine: Engine, settings: Settings, dataDirectory: String, threads: BackgroundThreads, logger: Logger) {
        let folder = "\(dataDirectory)/\(Self.folderName)"
        self.threads = threads
        let (log, topic) = (engine.log, engine.topic)
        let onAnew: @Sendable (String) -> Void = { reason in
            logger.notice("a projection is made anew from the log", metadata: ["reason": "\(reason)"])
        }
        let index = UserIndex(folder: folder, topic: topic, hasher: log.identityHasher, onAnew: onAnew)
        let aliases = Aliases(folder: folder, topic: topic, hasher: log.identityHasher, onAnew: onAnew)
        let sessions = Sessions(
            folder: folder, topic: topic, hasher: log.identityHasher, timeout: settings.sessionTimeout,
            delay: Self.hangMax, now: ServiceClock.wall, onAnew: onAnew)
        let statistics = Statistics(
            folder: folder, topic: topic, hasher: log.identityHasher, zone: settings.timeZone, now: ServiceClock.wall,
            onAnew: onAnew)
        let feed = LogFeed(log, executor: threads)
        let projections = ([index, aliases, sessions, statistics] as [any Consumer]).map { consumer in
            let notices = ConsumerNotices(group: consumer.group, logger: logger)
            return ConsumerRunner(consumer, topic: topic, feed: feed, onNotice: notices.tell)
        }
        exporters = RunningExporters(
            engine, settings: settings, folder: "\(dataDirectory)/\(CheckpointFile.folderName)", feed: feed,
            aliases: AliasDirectory(aliases: aliases, runner: projections[1]), logger: logger)
        runners = projections + exporters.runners
        self.projections = projections
        let onFailure: @Sendable (String) -> Void = { reason in
            logger.warning(
                "derived events cannot be written; they are kept, and written as soon as they can be",
                metadata: ["reason": "\(reason)"])
        }
        publishers = [
            aliases.publisher(of: engine.derivedTopic, log: log, now: ServiceClock.wall, onFailure: onFailure),
            sessions.publisher(of: engine.derivedTopic, log: log, onFailure: onFailure),
        ]
        users = UserLookup(
            history: UserHistory(
                index: index, aliases: aliases, feed: LogFeed(log, keptBytesMax: Self.lookupBytes, readBytes: 1), topic: topic),
            sources: Array(projections[..<2]))
        let ledger = engine.ledger.ledger
        self.statistics = StatisticsDesk(
            statistics: statistics, runner: projections[3], ledger: { ledger.snapshot.counts }, now: ServiceClock.wall)
        close = {
            index.close()
            aliases.close()
            sessions.close()
            statistics.close()
        }
    }

    /// Runs until the task is cancelled.
    func run() async {
        await withTaskExecutorPreference(threads) {
            await withTaskGroup(of: Void.self) { group in
                for runner in projections { group.addTask { await runner.run() } }
                for publisher in publishers { group.addTask { await publisher.run() } }
                group.addTask { await exporters.run() }
            }
        }
        close()
    }
}

internal import AdminAPI
internal import Consumption
internal import EventLog
internal import LogStorage
internal import Logging
internal import Projections

/// Everything that reads the log as it grows: each a consumer group of its own, at its own pace.
struct ConsumerGroups: Sendable {
    /// Inflated batches that are kept for lookups, beside those for the groups.
    private static let lookupBytes = 8 << 20
    /// The folder, in the data directory, of what is made of the log.
    static let folderName = "projections"

    /// Of the files of both projections.
    static let descriptorsMax = 2 * ProjectionFile.descriptorsMax

    let runners: [ConsumerRunner]
    let users: UserLookup
    private let close: @Sendable () -> Void

    /// - Parameter folder: of the projections; it is there.
    init(_ log: EmbeddedLog, topic: TopicDefinition, folder: String, logger: Logger) {
        let onAnew: @Sendable (String) -> Void = { reason in
            logger.notice("a projection is made anew from the log", metadata: ["reason": "\(reason)"])
        }
        let index = UserIndex(folder: folder, topic: topic, hasher: log.identityHasher, onAnew: onAnew)
        let aliases = Aliases(folder: folder, topic: topic, hasher: log.identityHasher, onAnew: onAnew)
        let feed = LogFeed(log)
        func runner(_ consumer: any Consumer) -> ConsumerRunner {
            let notices = ConsumerNotices(group: consumer.group, logger: logger)
            return ConsumerRunner(consumer, topic: topic, feed: feed, onNotice: notices.tell)
        }
        let (indexRunner, aliasRunner) = (runner(index), runner(aliases))
        runners = [indexRunner, aliasRunner]
        users = UserLookup(
            history: UserHistory(
                index: index, aliases: aliases, feed: LogFeed(log, keptBytesMax: Self.lookupBytes, readBytes: 1), topic: topic),
            sources: [indexRunner, aliasRunner])
        close = {
            index.close()
            aliases.close()
        }
    }

    /// Runs until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for runner in runners { group.addTask { await runner.run() } }
        }
        close()
    }
}

internal import Consumption
internal import EventLog
internal import Exporters
internal import LogStorage
internal import Logging

/// The exporters that are configured, each of its readers on a thread of its own: they use libraries that block.
struct RunningExporters: Sendable {
    /// How long an exporter waits at most until it tries again: a server that is back has what it missed soon.
    private static let pauseMax = Duration.seconds(5)

    let all: [Exporter]
    let runners: [ConsumerRunner]

    init(_ engine: Engine, settings: Settings, folder: String, feed: LogFeed, aliases: any AliasSource, logger: Logger) {
        let ends = Self.ends(engine)
        let context = ExporterContext(
            events: engine.topic, derived: engine.derivedTopic, rejected: engine.rejectedTopic, logName: engine.log.name,
            hasher: engine.log.identityHasher,
            zone: settings.timeZone, endsAtStart: { ends[$0.name] ?? [] }, feed: feed, aliases: aliases,
            checkpoint: { CheckpointFile(folder: folder, name: $0) }, makeThread: { BackgroundThreads(count: 1) },
            warn: { exporter, message in
                logger.warning("an exporter has something to tell", metadata: ["group": "\(exporter)", "reason": "\(message)"])
            })
        all = settings.exporters.map { $0.makeExporter(context) }
        runners = all.flatMap(\.readers).map { reader in
            let notices = ConsumerNotices(group: reader.consumer.group, logger: logger)
            return ConsumerRunner(
                reader.consumer, topic: reader.topic, feed: feed, makeBackoff: { Backoff(longest: Self.pauseMax) },
                onNotice: notices.tell)
        }
    }

    /// Where each partition of what is exported ends now.
    private static func ends(_ engine: Engine) -> [TopicName: [Int64]] {
        Dictionary(
            [engine.topic, engine.derivedTopic, engine.rejectedTopic].map { topic in
                let ends = (0..<topic.partitionCount).map { number in
                    // One that serves nothing yet has nothing to be compared with.
                    (try? engine.log.bounds(of: TopicPartition(topic.name, PartitionID(number))))?.highWatermark.value ?? .max
                }
                return (topic.name, ends)
            }
        ) { first, _ in first }
    }

    /// Runs until the task is cancelled.
    func run() async {
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                for runner in runners {
                    group.addTask(executorPreference: BackgroundThreads(count: 1)) { await runner.run() }
                }
            }
        } onCancel: {
            for exporter in all { exporter.interrupt() }
        }
        for exporter in all { await exporter.close() }
    }
}

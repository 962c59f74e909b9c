internal import AdminAPI
internal import Consumption
internal import EventLog
internal import Exporters
internal import LogStorage
internal import Logging

/// The replays of the log, into topics of its own.
struct Replays: Sendable {
    let queue: ReplayQueue
    let desk: ReplayDesk

    /// - Parameter folder: where they are kept.
    init(
        _ engine: Engine, exporters: [Exporter], folder: String, descriptors: DescriptorBudget, threads: BackgroundThreads,
        logger: Logger
    ) {
        let makers = Dictionary(
            exporters.compactMap { exporter in exporter.makeReplayTarget.map { (exporter.name, $0) } }
        ) { first, _ in first }
        let (log, partitionCount) = (engine.log, engine.topic.partitionCount)
        let ownTopics = [engine.topic.name, engine.derivedTopic.name, engine.rejectedTopic.name]
        queue = ReplayQueue(
            topic: engine.topic, log: log, store: ReplayFiles(folder: folder, logger: logger), executor: threads,
            makeTarget: { target throws(ReplayImpossible) in
                if let make = makers[target] { return make() }
                guard let topic = TopicTarget.topic(of: target) else {
                    throw ReplayImpossible("the service has no target \(target) now: it is not configured")
                }
                // What was another's when it was asked for may be the service's own now.
                guard !ownTopics.contains(topic) else {
                    throw ReplayImpossible("the service itself writes to \(topic) now, so a replay may not")
                }
                return TopicTarget(topic: topic, log: log, executor: threads, now: ServiceClock.wall)
            }, now: ServiceClock.wall,
            onProblem: { id, problem in
                logger.warning(
                    "a replay does not get on and tries again until it can",
                    metadata: ["replay": "\(id)", "reason": "\(problem)"])
            })
        desk = ReplayDesk(
            queue: queue, source: engine.topic, log: log,
            ownTopics: ownTopics, exporters: makers.keys.sorted(),
            makeTopic: { name throws(LogError) in
                if log.topic(named: name) != nil { return }
                guard descriptors.reserve(partitions: partitionCount) else {
                    throw LogError(
                        .overloaded,
                        "the service may open too few files for \(partitionCount) partitions more; raise its limit (ulimit -n)")
                }
                do throws(LogError) {
                    try await log.make(TopicDefinition(name: name, partitionCount: partitionCount, keepsIdentities: false))
                } catch {
                    descriptors.release(partitions: partitionCount)
                    throw error
                }
            }, now: ServiceClock.wall)
    }
}

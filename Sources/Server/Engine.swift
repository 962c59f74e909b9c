internal import Collector
internal import EventLog
internal import EventModel
internal import Ingestion
internal import LogStorage
internal import Logging
internal import RecordFormat
internal import Telemetry

/// Everything behind the listener: the log, recovered; the pipeline that writes to it; what is kept beside it.
struct Engine: Sendable {
    let log: EmbeddedLog
    let pipeline: IngestPipeline
    let ledger: LedgerKeeper
    let rejectedRetry: RejectedRetry
    /// Of events.
    let topic: TopicDefinition
    /// Of what follows from them.
    let derivedTopic: TopicDefinition
    let rejectedTopic: TopicDefinition
    private let deduplicator: Deduplicator
    private let sharedClaims: SharedClaims?
    private let enricher: Enricher
    private let limiter: RateLimiter

    /// Blocks until the log is recovered, the deduplication window restored and the ledger counted.
    static func open(
        _ settings: Settings, directory: LogDirectory, dataDirectory: String, keys: WriteKeyRing, catalogue: CurrentCatalogue,
        status: ServiceStatus, logger: Logger
    ) throws -> Engine {
        guard let topic = TopicName(settings.topic), let rejected = TopicName(Settings.rejectedTopic),
            let derived = TopicName(Settings.derivedTopic)
        else {
            throw ConfigurationError("Kafka.Topic is no topic name")
        }
        var options = settings.log
        options.minFreeBytes = settings.minFreeBytes
        status.set(.starting("reading what events are enriched with"))
        let enricher = try settings.enrichment.enricher(logger)
        let clock = ServiceClock()
        let topics = [
            TopicDefinition(
                name: topic, partitionCount: settings.partitionCount, keepsIdentities: true,
                wholeBatches: settings.kafka.wholeBatches(topic)),
            TopicDefinition(
                name: rejected, partitionCount: 1, keepsIdentities: false, wholeBatches: settings.kafka.wholeBatches(rejected)),
            TopicDefinition(
                name: derived, partitionCount: settings.partitionCount, keepsIdentities: false,
                wholeBatches: settings.kafka.wholeBatches(derived)),
        ]
        let log = try EmbeddedLog.open(
            directory, topics: topics, options: options, now: clock.cautious,
            onProgress: { done, all, bytes in
                status.set(.starting("recovering the log: \(done) of \(all) partitions, \(bytes) bytes checked"))
            },
            onWarning: { logger.warning("\($0)") })
        do {
            status.set(.starting("restoring the deduplication window"))
            let forgetting = DeduplicationClock(
                clock, newestRecord: log.recovery.newestTimestamp, windowSeconds: settings.deduplication.windowSeconds)
            let deduplicator = Deduplicator(bounds: settings.deduplication, steadyNow: forgetting.seconds)
            try deduplicator.restore(
                from: log, topic: topic, partitionCount: settings.partitionCount,
                now: UInt32(clamping: ServiceClock.wall() / 1000), concurrently: log.concurrently)
            status.set(.starting("counting what came since the ledger was kept"))
            let ledger = try LedgerKeeper(
                log, folder: dataDirectory, raw: topics[0], rejected: topics[1], keys: keys,
                events: catalogue.value.events.map(\.name), logger: logger)
            let limiter = RateLimiter(
                bounds: .init(globalEventsPerSecond: settings.limits.globalEventsPerSecond), clock: SteadyClock.nanoseconds)
            let sharedClaims = try settings.sharedDeduplicationURL.map { url in
                try SharedClaims(
                    url: url, owner: log.name, windowSeconds: settings.deduplication.windowSeconds, logger: logger)
            }
            let pipeline = IngestPipeline(
                log: log, hasher: log.identityHasher, deduplicator: deduplicator, shared: sharedClaims, keys: keys,
                limits: settings.limits,
                catalogue: catalogue, enricher: enricher, limiter: limiter, ledger: ledger.ledger, topic: topic,
                rejectedTopic: rejected, now: ServiceClock.wall)
            let retry = RejectedRetry(
                reader: log, pipeline: pipeline, topic: topic, rejectedTopic: rejected, hasher: log.identityHasher,
                windowSeconds: settings.deduplication.windowSeconds
            ) { wanted, since throws(LogError) in try await log.identities(among: wanted, in: topic, since: since) }
            return Engine(
                log: log, pipeline: pipeline, ledger: ledger, rejectedRetry: retry, topic: topics[0], derivedTopic: topics[2],
                rejectedTopic: topics[1], deduplicator: deduplicator, sharedClaims: sharedClaims, enricher: enricher,
                limiter: limiter)
        } catch {
            log.close()
            throw error
        }
    }

    /// What it says on `/metrics`.
    func metrics(_ settings: Settings) -> [any MetricsSource] {
        [
            EventMetrics(pipeline: pipeline, ledger: ledger.ledger, limiter: limiter),
            DeduplicationMetrics(deduplicator: deduplicator, now: ServiceClock.wall), UserAgentMetrics(enricher: enricher),
            LogMetrics(log: log, minFreeBytes: settings.minFreeBytes),
        ] + (sharedClaims.map { [$0] } ?? [])
    }

    /// Blocks until everything is told and kept.
    func close() {
        log.close()
        // Nothing is stored or counted any more.
        sharedClaims?.stop()
        ledger.close()
    }
}

extension EmbeddedLog {
    /// Another one for each log: what is kept elsewhere of one is not taken for another's.
    var name: String {
        let mark = Array("okla-events exporters".utf8).withUnsafeBytes { identityHasher.identity(of: $0) }
        return String(mark.high, radix: 16)
    }
}

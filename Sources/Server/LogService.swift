internal import Collector
internal import EventLog
internal import EventModel
internal import Foundation
internal import Ingestion
internal import LogStorage
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// Opens the log, recovers, restores deduplication, and hands the pipeline to the routes; closes the log at the end.
struct LogService: Service {
    let settings: Settings
    let directory: LogDirectory
    let keys: WriteKeyRing
    let catalogue: CurrentCatalogue
    let status: ServiceStatus
    let metrics: Metrics
    let logger: Logger
    let onReady: @Sendable () -> Void

    func run() async throws {
        let started = ContinuousClock.now
        let (log, pipeline) = try await onThread { try open() }
        logger.info(
            "log open",
            metadata: [
                "bytesScanned": "\(log.recovery.scannedBytes)",
                "milliseconds": "\((ContinuousClock.now - started).wholeMilliseconds)",
            ])
        for cut in log.recovery.cuts {
            logger.warning(
                "a torn tail was cut off: bytes behind the last whole batch, put back from the journal where they were acknowledged",
                metadata: [
                    "partition": "\(cut.partition)", "bytes": "\(cut.report.cutBytes)",
                    "keptAt": "\(cut.report.keptAt ?? "nowhere: all zero")",
                ])
        }
        for damage in log.recovery.damage {
            logger.error(
                damage.isQuarantined
                    ? "damage was set aside; everything else is served at its offsets"
                    : "damage was found and stays where it is; everything else is served at its offsets",
                metadata: [
                    "partition": "\(damage.partition)", "segment": "\(damage.item.segmentBase)",
                    "found": "\(damage.item.region.description)", "keptAt": "\(damage.item.keptAt ?? "nowhere")",
                ])
        }
        for trouble in log.troubles where !trouble.state.isWritable { logger.error("\(trouble)") }
        status.setHealth { LogHealth(log) }
        metrics.set(LogMetrics(log: log, minFreeBytes: settings.minFreeBytes))
        status.set(.ready(pipeline))
        onReady()
        try? await gracefulShutdown()
        status.set(.stopping)
        await onThread { log.close() }
    }

    private func open() throws -> (EmbeddedLog, IngestPipeline) {
        guard let topic = TopicName(settings.topic), let rejected = TopicName(Settings.rejectedTopic) else {
            throw ConfigurationError("Kafka.Topic is no topic name")
        }
        var options = settings.log
        options.minFreeBytes = settings.minFreeBytes
        status.set(.starting("reading what events are enriched with"))
        let enricher = try settings.enrichment.enricher(logger)
        let clock = ServiceClock()
        let log = try EmbeddedLog.open(
            directory,
            topics: [
                TopicDefinition(name: topic, partitionCount: settings.partitionCount, keepsIdentities: true),
                TopicDefinition(name: rejected, partitionCount: 1, keepsIdentities: false),
            ],
            options: options, now: clock.cautious,
            onProgress: { [status] done, all, bytes in
                status.set(.starting("recovering the log: \(done) of \(all) partitions, \(bytes) bytes checked"))
            },
            onWarning: { [logger] in logger.warning("\($0)") })
        status.set(.starting("restoring the deduplication window"))
        let now = ServiceClock.wall
        let forgetting = DeduplicationClock(
            clock, newestRecord: log.recovery.newestTimestamp, windowSeconds: settings.deduplication.windowSeconds)
        let deduplicator = Deduplicator(bounds: settings.deduplication, steadyNow: forgetting.seconds)
        do {
            try deduplicator.restore(
                from: log, topic: topic, partitionCount: settings.partitionCount, now: UInt32(clamping: now() / 1000),
                concurrently: log.concurrently)
        } catch {
            log.close()
            throw error
        }
        return (
            log,
            IngestPipeline(
                log: log, hasher: log.identityHasher, deduplicator: deduplicator, keys: keys, limits: settings.limits,
                catalogue: catalogue, enricher: enricher, topic: topic, rejectedTopic: rejected, now: now)
        )
    }

    /// Runs what blocks on a thread of its own.
    private func onThread<Success: Sendable>(_ body: @escaping @Sendable () throws -> Success) async throws -> Success {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }

    private func onThread(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                body()
                continuation.resume()
            }
        }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}

extension LogHealth {
    init(_ log: EmbeddedLog) {
        self.init()
        shortage = log.shortage?.message
        partitions = log.troubles.map { trouble in
            Partition(
                name: trouble.partition.description, state: trouble.state.name, isWritable: trouble.state.isWritable,
                message: trouble.reason)
        }
    }
}

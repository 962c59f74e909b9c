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
    /// What is kept beside the log goes here.
    let dataDirectory: String
    let keys: WriteKeyRing
    let catalogue: CurrentCatalogue
    let status: ServiceStatus
    let metrics: Metrics
    let logger: Logger
    let onReady: @Sendable () -> Void

    func run() async throws {
        let started = ContinuousClock.now
        let (log, pipeline, ledger) = try await onThread { try open() }
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
        await cancelWhenGracefulShutdown { await keep(ledger) }
        status.set(.stopping)
        await onThread {
            log.close()
            // Nothing is counted any more.
            ledger.close()
        }
    }

    /// Each second, until the service ends.
    private func keep(_ ledger: LedgerKeeper) async {
        while (try? await Task.sleep(for: .seconds(1))) != nil { await onThread { ledger.keepOrTell() } }
    }

    private func open() throws -> (EmbeddedLog, IngestPipeline, LedgerKeeper) {
        guard let topic = TopicName(settings.topic), let rejected = TopicName(Settings.rejectedTopic) else {
            throw ConfigurationError("Kafka.Topic is no topic name")
        }
        var options = settings.log
        options.minFreeBytes = settings.minFreeBytes
        status.set(.starting("reading what events are enriched with"))
        let enricher = try settings.enrichment.enricher(logger)
        let clock = ServiceClock()
        let topics = [
            TopicDefinition(name: topic, partitionCount: settings.partitionCount, keepsIdentities: true),
            TopicDefinition(name: rejected, partitionCount: 1, keepsIdentities: false),
        ]
        let log = try EmbeddedLog.open(
            directory, topics: topics,
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
        status.set(.starting("counting what came since the ledger was kept"))
        let ledger: LedgerKeeper
        do {
            ledger = try LedgerKeeper(
                log, folder: dataDirectory, raw: topics[0], rejected: topics[1], keys: keys,
                events: catalogue.value.events.map(\.name), logger: logger)
        } catch {
            log.close()
            throw error
        }
        return (
            log,
            IngestPipeline(
                log: log, hasher: log.identityHasher, deduplicator: deduplicator, keys: keys, limits: settings.limits,
                catalogue: catalogue, enricher: enricher, ledger: ledger.ledger, topic: topic, rejectedTopic: rejected, now: now),
            ledger
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

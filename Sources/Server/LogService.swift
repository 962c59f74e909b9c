internal import AdminAPI
internal import Collector
internal import Consumption
internal import EventLog
internal import EventModel
internal import Exporters
internal import Foundation
internal import Ingestion
internal import KafkaBroker
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
    let descriptors: DescriptorBudget
    let admin: AdminServices
    let logger: Logger
    /// Told where Kafka's clients are served; nil: they are not.
    let onReady: @Sendable (_ kafka: String?) -> Void

    func run() async throws {
        let started = ContinuousClock.now
        let engine = try await onThread {
            try Engine.open(
                settings, directory: directory, dataDirectory: dataDirectory, keys: keys, catalogue: catalogue, status: status,
                logger: logger)
        }
        let log = engine.log
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
        let threads = BackgroundThreads(count: max(BackgroundThreads.countMin, ProcessInfo.processInfo.activeProcessorCount))
        let consumers = ConsumerGroups(
            engine, settings: settings, dataDirectory: dataDirectory, threads: threads, logger: logger)
        for source in engine.metrics(settings) { metrics.add(source) }
        metrics.add(ConsumerMetrics(runners: consumers.runners))
        for source in consumers.exporters.all.flatMap(\.metrics) { metrics.add(source) }
        let live = LiveReaders(log: log, topic: engine.topic, executor: threads)
        metrics.add(LiveMetrics(readers: live))
        let replays = Replays(
            engine, exporters: consumers.exporters.all, folder: "\(dataDirectory)/\(ReplayFiles.folderName)",
            descriptors: descriptors, threads: threads, logger: logger)
        // Where they cannot be read, the queue tries again, and says so.
        try? await replays.queue.load()
        let kafka: KafkaListener?
        do {
            kafka = try await KafkaService(settings: settings, descriptors: descriptors, logger: logger)
                .start(engine, consumers: consumers)
        } catch {
            await onThread { engine.close() }
            throw error
        }
        if let kafka { metrics.add(KafkaListenerMetrics(listener: kafka)) }
        admin.set(
            .init(
                retry: engine.rejectedRetry, users: consumers.users, live: live, statistics: consumers.statistics,
                replay: replays.desk, consumers: consumers.runners,
                clientGroups: { kafka?.groups.flatMap { ClientGroup.all(of: $0, log) } ?? [] }, log: log,
                rejectedTopic: engine.rejectedTopic.name, logOverview: { LogOverview(log) }))
        status.set(.ready(engine.pipeline))
        onReady(kafka.map { ListenAddress(host: settings.kafka.listen?.host ?? "", port: $0.port).description })
        await cancelWhenGracefulShutdown {
            async let consuming: Void = consumers.run()
            async let replaying: Void = replays.queue.run()
            await keep(engine.ledger)
            await kafka?.stop()
            await consuming
            await replaying
        }
        status.set(.stopping)
        admin.set(nil)
        await onThread { engine.close() }
    }

    /// Each second, until the service ends.
    private func keep(_ ledger: LedgerKeeper) async {
        while (try? await Task.sleep(for: .seconds(1))) != nil { await onThread { ledger.keepOrTell() } }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}

extension LogOverview {
    init(_ log: EmbeddedLog) {
        let statuses = Dictionary(log.statuses.map { ($0.partition, $0) }) { first, _ in first }
        let sizes = Dictionary(grouping: log.sizes, by: \.partition.topic)
        self.init(
            topics: log.topics.map { topic in
                Topic(
                    topic: topic.name.text,
                    partitions: (sizes[topic.name] ?? []).map { size in
                        let status = statuses[size.partition]
                        return Partition(
                            partition: size.partition.partition.number, state: status?.state.name ?? "",
                            reason: status.flatMap { $0.isFine ? nil : $0.reason },
                            startOffset: size.bounds.start.value, endOffset: size.bounds.highWatermark.value,
                            segments: size.segments.map { .init(baseOffset: $0.baseOffset.value, bytes: $0.byteCount) })
                    })
            }, diskFreeBytes: log.freeBytes)
    }
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

internal import Ingestion
internal import Telemetry

/// What `/metrics` says of events. The ledger's figures outlast the process; all others begin with it, as Prometheus expects.
struct EventMetrics: MetricsSource {
    private let pipeline: IngestPipeline
    private let ledger: Ledger
    private let limiter: RateLimiter
    /// The ledger when the process began.
    private let atStart: LedgerCounts

    init(pipeline: IngestPipeline, ledger: Ledger, limiter: RateLimiter) {
        self.pipeline = pipeline
        self.ledger = ledger
        self.limiter = limiter
        atStart = ledger.snapshot.counts
    }

    func write(to text: inout PrometheusText) {
        let counts = ledger.snapshot.counts
        writeSinceStart(counts, to: &text)
        writeLedger(counts, to: &text)
        text.add(
            "rate_limit_exceeded_total", .counter, help: "Requests that a rate limit refused.",
            RateLimiter.Limit.allCases.map { ([("limit", $0.rawValue)], Int64(limiter.refusals(by: $0).requests)) })
        text.add(
            "rate_limit_addresses", .gauge, help: "Client addresses whose bucket is not full.", Int64(limiter.addressCount))
        text.add(
            "rate_limit_shared_requests_total", .counter,
            help: "Requests whose address found no bucket of its own: an attack with many addresses.",
            Int64(limiter.sharedRequests))
    }

    private func writeSinceStart(_ counts: LedgerCounts, to text: inout PrometheusText) {
        text.add(
            "events_received_total", .counter,
            help:
                "Events received, by name; other: names beyond the bound, unreadable ones, and events that a rate limit refused.",
            counts.typeNames.indices.compactMap { type in
                let before = type < atStart.types.count ? atStart.types[type].received : 0
                let received = counts.types[type].received - before
                return received > 0 || type == 0 ? ([("type", counts.typeNames[type])], received) : nil
            })
        func sinceStart(_ outcome: LedgerTally.Outcome) -> Int64 { counts.total[outcome] - atStart.total[outcome] }
        let (stored, rejected) = (sinceStart(.stored), sinceStart(.rejected))
        text.add(
            "events_processed_total", .counter, help: "Events that are stored: now, or before as a duplicate's original.",
            stored + sinceStart(.duplicate))
        text.add(
            "events_failed_total", .counter, help: "Events that are not stored, by reason.",
            [
                ([("reason", "rejected")], rejected), ([("reason", "rate_limited")], sinceStart(.limited)),
                ([("reason", "unavailable")], sinceStart(.unavailable)),
            ])
        text.add("events_batch_size", help: "Events in one request.", pipeline.meters.batchSize)
        text.add(
            "events_processing_time_ms",
            help: "From a request's last byte until its events have their outcomes, durable ones, in milliseconds.",
            pipeline.meters.processingTime, decimals: 3)
        text.add(
            "kafka_messages_produced_total", .counter, help: "Records written to the log: events stored and events rejected.",
            stored + rejected)
    }

    private func writeLedger(_ counts: LedgerCounts, to text: inout PrometheusText) {
        text.add(
            "events_ledger_total", .counter,
            help:
                "All events ever received, by write key and outcome; kept across restarts, after a crash counted again from the log.",
            counts.keyNames.indices.flatMap { key in
                LedgerTally.Outcome.allCases.map { outcome in
                    ([("outcome", "\(outcome)"), ("write_key", counts.keyNames[key])], counts.keys[key][outcome])
                }
            })
        text.add(
            "events_ledger_by_type_total", .counter, help: "The same by event name, of what the log holds.",
            counts.typeNames.indices.flatMap { type in
                [LedgerTally.Outcome.stored, .rejected].compactMap { outcome in
                    let count = counts.types[type][outcome]
                    return count > 0 ? ([("outcome", "\(outcome)"), ("type", counts.typeNames[type])], count) : nil
                }
            })
    }
}

internal import Ingestion
internal import Telemetry

/// What `/metrics` says of messageIds.
struct DeduplicationMetrics: MetricsSource {
    let deduplicator: Deduplicator
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64

    func write(to text: inout PrometheusText) {
        text.add(
            "dedup_window_seconds", .gauge,
            help: "How far back a repeated messageId is recognized: Dedup.Window, or less where Dedup.MaxEntries is reached.",
            Int64(deduplicator.windowSeconds(now: UInt32(clamping: now() / 1000))))
        text.add("dedup_entries", .gauge, help: "messageIds that are remembered.", Int64(deduplicator.entryCount))
    }
}

internal import AdminAPI
internal import Telemetry

/// What `/metrics` says of those who watch events as they come.
struct LiveMetrics: MetricsSource {
    let readers: LiveReaders

    func write(to text: inout PrometheusText) {
        text.add("live_readers", .gauge, help: "Readers that watch events as they come.", Int64(readers.count))
        text.add(
            "live_readers_dropped_total", .counter, help: "Readers that could not keep up and were dropped.",
            Int64(readers.droppedCount))
    }
}

internal import Synchronization
internal import Telemetry

/// What `/metrics` answers: each part that has something to say, once it runs.
final class Metrics: Sendable {
    private let sources = Mutex<[any MetricsSource]>([])

    func add(_ source: any MetricsSource) { sources.withLock { $0.append(source) } }

    func text() -> String {
        var text = PrometheusText()
        for source in sources.withLock({ $0 }) { source.write(to: &text) }
        return text.text
    }
}

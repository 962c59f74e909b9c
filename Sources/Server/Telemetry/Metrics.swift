internal import Synchronization

/// What `/metrics` answers: each part of the service that has something to say, once it runs.
final class Metrics: Sendable {
    private let log = Mutex<LogMetrics?>(nil)

    func set(_ log: LogMetrics) { self.log.withLock { $0 = log } }

    func text() -> String {
        var text = PrometheusText()
        log.withLock { $0 }?.write(to: &text)
        return text.text
    }
}

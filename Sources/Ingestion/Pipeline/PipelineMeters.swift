package import Telemetry

/// What the pipeline measures of the requests that it takes.
package final class PipelineMeters: Sendable {
    /// Events of a request.
    package let batchSize = Histogram(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000])
    /// Microseconds from a request's last byte until its events have their outcomes.
    package let processingTime = Histogram(
        bounds: [
            100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
            10_000_000,
        ])

    package init() {}
}

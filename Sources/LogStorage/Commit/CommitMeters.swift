package import Telemetry

/// What the commit thread measures.
package final class CommitMeters: Sendable {
    /// Microseconds of a commit: from when the thread takes what is queued until its receipts are known.
    package let time = Histogram(
        bounds: [
            50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
            5_000_000, 10_000_000,
        ])
    /// Appends that share a commit.
    package let appends = Histogram(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])
    /// Records of a commit.
    package let records = Histogram(bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000])

    package init() {}
}

package import Consumption
package import Ingestion
package import Projections

/// What the statistics' answers are made of.
package struct StatisticsDesk: Sendable {
    let statistics: Statistics
    let runner: ConsumerRunner
    let ledger: @Sendable () -> LedgerCounts
    let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - runner: of `statistics`.
    ///   - now: milliseconds since 1970.
    package init(
        statistics: Statistics, runner: ConsumerRunner, ledger: @escaping @Sendable () -> LedgerCounts,
        now: @escaping @Sendable () -> Int64
    ) {
        self.statistics = statistics
        self.runner = runner
        self.ledger = ledger
        self.now = now
    }
}

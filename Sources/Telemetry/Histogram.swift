internal import Synchronization

/// Counts values by size, on any thread: what Prometheus calls a classic histogram. Values are whole numbers.
package final class Histogram: Sendable {
    package struct Snapshot: Sendable, Equatable {
        /// Values up to `bounds[n]` and above `bounds[n - 1]`; at the end those above all bounds.
        package var counts: [Int]
        package var sum: Int

        package var count: Int { counts.reduce(0, +) }
    }

    /// The largest value of each bucket, rising.
    package let bounds: [Int]
    private let state: Mutex<Snapshot>

    package init(bounds: [Int]) {
        precondition(!bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        self.bounds = bounds
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1), sum: 0))
    }

    package func record(_ value: Int) {
        var place = 0
        while place < bounds.count, bounds[place] < value { place += 1 }
        state.withLock { state in
            state.counts[place] += 1
            state.sum &+= value
        }
    }

    package var snapshot: Snapshot { state.withLock { $0 } }
}

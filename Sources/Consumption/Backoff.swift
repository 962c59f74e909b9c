/// How long to wait before the next attempt: twice as long after each failure, up to a bound, and of that a random part, at least half, so
/// that those who failed together do not come back together.
package struct Backoff: Sendable {
    private let first: Duration
    private let longest: Duration
    /// A number from 0 up to 1.
    private let random: @Sendable () -> Double
    private var failureCount = 0

    package init(
        first: Duration = .milliseconds(100), longest: Duration = .seconds(30),
        random: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.first = first
        self.longest = longest
        self.random = random
    }

    package mutating func next() -> Duration {
        let doublings = min(failureCount, 30)
        failureCount += 1
        return min(first * (1 << doublings), longest) * (0.5 + random() / 2)
    }

    package mutating func reset() { failureCount = 0 }
}

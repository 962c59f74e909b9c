/// A moment of a log: of each partition the records before an offset. What is made of just these is the same whenever somebody asks.
package struct LogCut: Sendable, Equatable {
    package let ends: [Int64]
    private let isEverything: Bool

    package init(ends: [Int64]) {
        self.ends = ends
        isEverything = false
    }

    private init() {
        ends = []
        isEverything = true
    }

    /// All that is known, at whatever moment that is.
    static let everything = LogCut()

    func holds(partition: Int, offset: Int64) -> Bool { isEverything || partition < ends.count && offset < ends[partition] }

    /// What both have.
    package func common(_ other: [Int64]) -> LogCut { LogCut(ends: zip(ends, other).map { min($0, $1) }) }

    /// How many records it has that are not before `positions`.
    package func lag(_ positions: [Int64]) -> Int64 {
        zip(ends, positions).reduce(0) { sum, pair in
            let (more, isTooMuch) = sum.addingReportingOverflow(max(0, pair.0 - pair.1))
            return isTooMuch ? .max : more
        }
    }
}

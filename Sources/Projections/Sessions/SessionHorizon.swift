internal import EventLog

/// Up to when a consumer that has everything that has come to rest has also everything that was received. Records that wait for others to fill
/// their batch come to rest later, and where the disk has no room much later.
struct SessionHorizon {
    /// Where the partitions ended, and when somebody looked.
    private var asked: (time: Int64, ends: [Int64])?
    private var time = Int64.min
    /// When somebody looked the last time: what is given as bounds was found out later.
    private var previous: Int64?

    /// - Parameters:
    ///   - bounds: of each partition; the consumer has everything before `settled`.
    ///   - now: milliseconds since 1970.
    /// - Returns: a time; what the log had taken by then, the consumer has.
    mutating func time(_ bounds: [OffsetBounds], now: Int64) -> Int64 {
        advance(bounds)
        if asked == nil, let previous {
            asked = (previous, bounds.map(\.highWatermark.value))
            advance(bounds)
        }
        previous = now
        return time
    }

    private mutating func advance(_ bounds: [OffsetBounds]) {
        guard let asked, zip(bounds, asked.ends).allSatisfy({ $0.settled.value >= $1 }) else { return }
        time = asked.time
        self.asked = nil
    }
}

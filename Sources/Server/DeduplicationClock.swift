internal import LogStorage

/// By which messageIds are forgotten: it runs with the machine's uptime, and is never set.
///
/// A start has only the wall clock, and where that is a day ahead, every id of the day before would look old enough to be forgotten. So it
/// begins at the time of the log's newest record instead, up to one window behind the wall clock: time in which nothing came does not
/// count, and no id is kept for longer than two windows.
struct DeduplicationClock: Sendable {
    private let clock: ServiceClock
    private let lagMilliseconds: Int64

    /// - Parameter newestRecord: its time, in milliseconds since 1970; nil where the log is empty.
    init(_ clock: ServiceClock, newestRecord: Int64?, windowSeconds: UInt32) {
        self.clock = clock
        let idle = newestRecord.map { max(0, clock.startMilliseconds - $0) } ?? 0
        lagMilliseconds = min(idle, Int64(windowSeconds) * 1000)
    }

    /// Seconds since 1970.
    var seconds: @Sendable () -> UInt32 {
        let (steady, lag) = (clock.steady, lagMilliseconds)
        return { UInt32(clamping: (steady() - lag) / 1000) }
    }
}

internal import Glibc

/// Time that is never set, for durations.
package enum SteadyClock {
    /// Since some moment before the process began.
    package static let nanoseconds: @Sendable () -> UInt64 = {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

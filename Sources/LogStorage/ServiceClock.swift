internal import Glibc

/// The wall clock, and a second one that is not fooled where the first is set forward.
///
/// Records carry the wall clock's time. But what is removed because of its age, or forgotten, is gone for ever: that goes by `cautious`,
/// which runs on from the start with the machine's uptime, and where the wall clock is behind it, by that.
package struct ServiceClock: Sendable {
    /// When it was made, by the wall clock of that time, in milliseconds since 1970.
    package let startMilliseconds: Int64
    private let startUptime: Int64

    package init() {
        startMilliseconds = Self.milliseconds(CLOCK_REALTIME)
        startUptime = Self.milliseconds(CLOCK_BOOTTIME)
    }

    /// Milliseconds since 1970.
    package static let wall: @Sendable () -> Int64 = { milliseconds(CLOCK_REALTIME) }

    /// Milliseconds by a clock that is never set.
    package static let uptime: @Sendable () -> Int64 = { milliseconds(CLOCK_BOOTTIME) }

    /// Milliseconds since 1970 as the start's wall clock had them and the machine's uptime has counted on.
    package var steady: @Sendable () -> Int64 {
        { [self] in startMilliseconds + Self.milliseconds(CLOCK_BOOTTIME) - startUptime }
    }

    /// The earlier of both.
    package var cautious: @Sendable () -> Int64 {
        { [steady] in min(Self.wall(), steady()) }
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Finds out who is too slow: in every span of `rateSeconds` as many bytes must move as the minimum rate says. An average
/// since the start would let a client send most of its body at once and then hold it for a minute.
struct RateClock {
    private var since: ConnectionState.Tick
    private var byteCountBefore: Int

    /// `byteCount` is what had moved before.
    init(now: ConnectionState.Tick, byteCount: Int) {
        since = now
        byteCountBefore = byteCount
    }

    /// `byteCount` is all that has moved until now.
    mutating func isTooSlow(byteCount: Int, now: ConnectionState.Tick, limits: ConnectionLimits) -> Bool {
        guard now - since > limits.rateSeconds else { return false }
        guard byteCount - byteCountBefore >= limits.bytesPerSecondMin * (now - since) else { return true }
        self = RateClock(now: now, byteCount: byteCount)
        return false
    }
}

/// The arithmetic of a token bucket, in whole numbers.
///
/// An event takes one token. At r events per second the k-th token falls k/r seconds after the clock's zero, for every bucket with this
/// rate; so by nanosecond t floor(t · r / 10⁹) have fallen, and this number is the time that a bucket goes by. All it has to keep is
/// `fullAt`: how many tokens must have fallen for it to be full. Where `now` have, it holds capacity − (fullAt − now); it is full where
/// `fullAt` is not above `now`, and 0 stands for a bucket that nothing was taken from. Taking n events makes `fullAt` the later of
/// `fullAt` and `now`, plus n.
///
/// **No drift.** The fallen tokens are computed from the clock each time and never added up, and nothing else is rounded. In d seconds no more
/// than capacity + r · d + 1 events are taken: one more than if tokens came in drop by drop, for the first one may fall right at the beginning.
///
/// **No overflow.** The clock counts up to 2⁶³ ns (292 years) and stands still then, r is at most 10⁸, and a request counts as at most 2³²
/// events. So fewer than 9.3 · 10¹⁷ tokens fall, `fullAt` is at most 2³² more, and the time when it is reached at most 2³² seconds later:
/// 2⁶³ + 4.3 · 10¹⁸ < 2⁶⁴.
///
/// **More than a bucket holds.** A request of more events than the capacity would never be taken, and its client would repeat it for
/// ever. It is taken when the bucket is full, which then owes the rest: `fullAt` is more than the capacity away, and nothing is taken until
/// less than all is owed. So in the long run nobody gets more than r.
package struct TokenBucket: Sendable {
    package static let eventsPerSecondMax = 100_000_000
    static let burstSecondsMax = 10
    static let timeMax: UInt64 = 1 << 63
    private static let second: UInt64 = 1_000_000_000

    package let eventsPerSecond: UInt64
    package let capacity: UInt64

    /// - Parameter burstSeconds: how long a bucket that is empty takes to be full.
    package init(eventsPerSecond: Int, burstSeconds: Int) {
        precondition((1...Self.eventsPerSecondMax).contains(eventsPerSecond))
        precondition((1...Self.burstSecondsMax).contains(burstSeconds))
        self.eventsPerSecond = UInt64(eventsPerSecond)
        capacity = UInt64(eventsPerSecond * burstSeconds)
    }

    /// How many tokens have fallen by `time`, in nanoseconds.
    package func fallen(by time: UInt64) -> UInt64 {
        let (seconds, rest) = time.quotientAndRemainder(dividingBy: Self.second)
        return seconds * eventsPerSecond + rest * eventsPerSecond / Self.second
    }

    /// The first nanosecond by which so many tokens have fallen.
    package func time(of fallen: UInt64) -> UInt64 {
        let (seconds, rest) = fallen.quotientAndRemainder(dividingBy: eventsPerSecond)
        return seconds * Self.second + (rest * Self.second + eventsPerSecond - 1) / eventsPerSecond
    }

    /// What `fullAt` becomes when `events` are taken where `now` tokens have fallen; nil where they are not there.
    package func taking(_ events: UInt64, fullAt: UInt64, now: UInt64) -> UInt64? {
        fullAt + min(events, capacity) <= now + capacity ? max(fullAt, now) + events : nil
    }

    /// The first nanosecond at which `events` can be taken, if nothing else is.
    package func time(ofTaking events: UInt64, fullAt: UInt64) -> UInt64 {
        let needed = fullAt + min(events, capacity)
        return time(of: needed - min(needed, capacity))
    }
}

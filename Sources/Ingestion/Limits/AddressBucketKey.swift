/// Whose bucket it is: a client address, and the limit that it is measured by. Write keys with different limits used from one address
/// have a bucket each, so what is taken by one neither fills nor empties another's; keys with the same limit share one.
struct AddressBucketKey: Hashable, Sendable {
    static let burstSeconds = 5
    private static let isIPv4: UInt32 = 1 << 31

    /// Of `IPAddress.limiterKey`, the half that is not the same for all: an IPv6 network of 64 bits, or an IPv4 address.
    private let half: UInt64
    /// The limit, which is below 2²⁷, and which half it is: an IPv6 network could have the bits of an IPv4 address.
    private let limit: UInt32

    /// Nobody's.
    init() { (half, limit) = (0, 0) }

    init(_ address: IPAddress, eventsPerSecond: Int) {
        precondition((1...TokenBucket.eventsPerSecondMax).contains(eventsPerSecond))
        let bits = address.limiterKey.bits
        half = UInt64(truncatingIfNeeded: address.isIPv4 ? bits : bits >> 64)
        limit = UInt32(eventsPerSecond) | (address.isIPv4 ? Self.isIPv4 : 0)
    }

    var isNobody: Bool { limit == 0 }

    /// The arithmetic of its bucket.
    var bucket: TokenBucket {
        TokenBucket(eventsPerSecond: Int(limit & ~Self.isIPv4), burstSeconds: Self.burstSeconds)
    }

    /// Which of `count` sets it belongs in. Nobody outside can choose addresses that fall together: Swift's hasher is SipHash with a
    /// key that is drawn when the process starts.
    func setNumber(of count: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(half)
        hasher.combine(limit)
        return Int(UInt64(bitPattern: Int64(hasher.finalize())).multipliedFullWidth(by: UInt64(count)).high)
    }
}

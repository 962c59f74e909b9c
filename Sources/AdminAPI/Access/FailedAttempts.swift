internal import Ingestion
internal import Synchronization

/// Counts attempts with a wrong token, so that nobody can try many: after ten from one address within a minute, it is not listened to until
/// the minute is over.
package final class FailedAttempts: Sendable {
    private static let attemptsMax = 10
    private static let window: UInt64 = 60_000_000_000
    /// Addresses that are remembered. Whoever has more of them than this has ten attempts with each anyway.
    private static let addressesMax = 10_000

    private struct Attempts {
        var count = 0
        var since: UInt64
    }

    private let byAddress = Mutex<[IPAddress: Attempts]>([:])
    private let clock: @Sendable () -> UInt64

    /// - Parameter clock: nanoseconds by a clock that is never set.
    package init(clock: @escaping @Sendable () -> UInt64) { self.clock = clock }

    /// After how many seconds somebody at this address is listened to again; nil: now.
    func retryAfterSeconds(_ address: IPAddress) -> Int? {
        let now = clock()
        return byAddress.withLock { byAddress in
            guard let attempts = byAddress[address.limiterKey], attempts.count >= Self.attemptsMax,
                now < attempts.since + Self.window
            else { return nil }
            return Int((attempts.since + Self.window - now + 999_999_999) / 1_000_000_000)
        }
    }

    func note(_ address: IPAddress) {
        let now = clock()
        byAddress.withLock { byAddress in
            let key = address.limiterKey
            if let attempts = byAddress[key], now < attempts.since + Self.window {
                byAddress[key]?.count += 1
                return
            }
            if byAddress.count >= Self.addressesMax, byAddress[key] == nil { Self.makeRoom(&byAddress, now) }
            byAddress[key] = Attempts(count: 1, since: now)
        }
    }

    private static func makeRoom(_ byAddress: inout [IPAddress: Attempts], _ now: UInt64) {
        byAddress = byAddress.filter { now < $0.value.since + window }
        if byAddress.count >= addressesMax, let oldest = byAddress.min(by: { $0.value.since < $1.value.since })?.key {
            byAddress[oldest] = nil
        }
    }
}

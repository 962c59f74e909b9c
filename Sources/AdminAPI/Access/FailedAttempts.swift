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

    enum Admission: Equatable {
        /// It counts as failed until `forgive` is called.
        case admitted
        case refused(retryAfterSeconds: Int)
    }

    /// Counts an attempt from this address. It is counted before anybody looks at it, so that many at once are no more than ten.
    func begin(_ address: IPAddress) -> Admission {
        let now = clock()
        return byAddress.withLock { byAddress in
            let key = address.limiterKey
            if let attempts = byAddress[key], now < attempts.since + Self.window {
                guard attempts.count < Self.attemptsMax else {
                    return .refused(retryAfterSeconds: Int((attempts.since + Self.window - now + 999_999_999) / 1_000_000_000))
                }
                byAddress[key]?.count += 1
                return .admitted
            }
            if byAddress.count >= Self.addressesMax, byAddress[key] == nil { Self.makeRoom(&byAddress, now) }
            byAddress[key] = Attempts(count: 1, since: now)
            return .admitted
        }
    }

    /// The attempt was none with a wrong token.
    func forgive(_ address: IPAddress) {
        byAddress.withLock { byAddress in
            guard let attempts = byAddress[address.limiterKey] else { return }
            if attempts.count > 1 { byAddress[address.limiterKey]?.count -= 1 } else { byAddress[address.limiterKey] = nil }
        }
    }

    /// Those whose minute is over go; where there are none, the older half.
    private static func makeRoom(_ byAddress: inout [IPAddress: Attempts], _ now: UInt64) {
        byAddress = byAddress.filter { now < $0.value.since + window }
        guard byAddress.count >= addressesMax else { return }
        let middle = byAddress.values.map(\.since).sorted()[byAddress.count / 2]
        byAddress = byAddress.filter { $0.value.since > middle }
    }
}

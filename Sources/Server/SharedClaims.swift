internal import Exporters
internal import Ingestion
internal import Logging
internal import Telemetry

/// What other collectors know of messageIds, over a Redis.
struct SharedClaims: SharedDeduplication, MetricsSource {
    private let claims: RedisClaims

    /// - Parameter owner: another one for each log.
    init(url: String, owner: String, windowSeconds: UInt32, logger: Logger) throws {
        claims = try RedisClaims(url: url, owner: owner, windowSeconds: Int64(windowSeconds)) { trouble in
            if let trouble {
                logger.warning(
                    "other collectors cannot be asked for what they have stored; an event that a client sends to two of them may be stored twice",
                    metadata: ["reason": "\(trouble)"])
            } else {
                logger.info("other collectors can be asked again for what they have stored")
            }
        }
    }

    func stop() { claims.stop() }

    func claim(_ ids: [[UInt8]], _ body: @escaping @Sendable ([SharedClaim]) -> Void) {
        claims.claim(ids) { claims in
            body(
                claims.map { claim in
                    switch claim {
                    case .granted: .granted
                    case .stored: .stored
                    case .pending: .pending
                    case .unknown: .unknown
                    }
                })
        }
    }

    func confirm(_ ids: [[UInt8]]) { claims.confirm(ids) }
    func release(_ ids: [[UInt8]]) { claims.release(ids) }

    func write(to text: inout PrometheusText) {
        text.add(
            "dedup_shared_claims_total", .counter,
            help: "messageIds that other collectors were asked for; of unknown ones they could not be.",
            RedisClaims.Claim.allCases.map { ([("outcome", "\($0)")], claims.count(of: $0)) })
        text.add("dedup_shared_up", .gauge, help: "1 while other collectors can be asked.", claims.isThere ? 1 : 0)
        text.add(
            "dedup_shared_untold_total", .counter, help: "Stored events of which other collectors were not told.", claims.untold)
    }
}

internal import Consumption
internal import Logging

/// Says in the service's log how a consumer is getting on: that it has begun to fail and that it goes on again, not each attempt; and what
/// it had to pass over.
struct ConsumerNotices: Sendable {
    let group: String
    let logger: Logger

    func tell(_ notice: ConsumerRunner.Notice) {
        switch notice {
        case .failed(let reason, let attempt):
            if attempt == 1 {
                logger.warning(
                    "a consumer cannot go on and tries again until it can; events are taken meanwhile",
                    metadata: ["group": "\(group)", "reason": "\(reason)"])
            }
        case .recovered: logger.notice("a consumer goes on", metadata: ["group": "\(group)"])
        case .setAside(let record):
            logger.error(
                "a record was set aside, for a consumer cannot take it; the others go on",
                metadata: [
                    "group": "\(group)", "partition": "\(record.partition)", "offset": "\(record.offset)",
                    "reason": "\(record.reason)",
                ])
        case .passedOver(let gap):
            logger.error(
                gap.cause == .retention
                    ? "a consumer has missed records: retention has removed them before it came to them"
                    : "a consumer has passed over damage in the log",
                metadata: [
                    "group": "\(group)", "partition": "\(gap.partition)",
                    "offsets": "\(gap.offsets.lowerBound) to \(gap.offsets.upperBound - 1)", "reason": "\(gap.reason)",
                ])
        }
    }
}

internal import Collector
internal import Consumption
internal import EventLog
package import Hummingbird

/// `GET /api/admin/consumers`: how far each consumer group is, and what it had to pass over; those of the service, and behind them those of Kafka's
/// clients, which take what they want without saying how much.
package struct ConsumerRoutes: Sendable {
    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        group.get("consumers") { _, _ in
            let open = try services.opened()
            return Answer(consumers: open.consumers.map { Group($0.status) } + open.clientGroups().map(Group.init))
        }
    }

    private struct Answer: ResponseEncodable {
        let consumers: [Group]
    }

    private struct Group: Encodable {
        struct Partition: Encodable {
            let partition: Int
            let position, committed, endOffset, lag: Int64
        }

        let group, topic, state: String
        /// `service`, or `kafka`: of Kafka's clients.
        let kind: String
        let reason: String?
        let members: Int?
        let lag: Int64
        let taken, failures, setAside, missedToRetention, missedToDamage: Int64?
        let partitions: [Partition]

        init(_ status: ConsumerStatus) {
            (kind, members) = ("service", nil)
            group = status.group
            topic = status.partitions.first?.partition.topic.text ?? ""
            state = status.activity.name
            if case .retrying(let reason) = status.activity { self.reason = reason } else { reason = nil }
            lag = status.lag
            taken = status.takenCount
            failures = status.failureCount
            setAside = status.passedOver.setAside
            missedToRetention = status.passedOver.gaps[.retention] ?? 0
            missedToDamage = status.passedOver.gaps[.damage] ?? 0
            partitions = status.partitions.map {
                Partition(
                    partition: $0.partition.partition.number, position: $0.position, committed: $0.committed,
                    endOffset: $0.bounds.highWatermark.value, lag: $0.lag)
            }
        }

        init(_ client: ClientGroup) {
            (kind, members) = ("kafka", client.memberCount)
            (group, topic, state, reason) = (client.group, client.topic, client.state, nil)
            (taken, failures, setAside, missedToRetention, missedToDamage) = (nil, nil, nil, nil, nil)
            partitions = client.partitions.map {
                Partition(
                    partition: $0.number, position: $0.committed, committed: $0.committed,
                    endOffset: $0.bounds?.highWatermark.value ?? 0, lag: $0.lag)
            }
            lag = partitions.reduce(0) { $0 + $1.lag }
        }
    }
}

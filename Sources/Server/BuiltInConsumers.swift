internal import Consumption
internal import EventLog
internal import KafkaBroker

/// The service's own readers of the log, for Kafka's clients to see how far they are.
struct BuiltInConsumers: BuiltInGroups {
    let runners: [ConsumerRunner]

    var offsets: [String: [TopicPartition: Offset]] {
        Dictionary(
            runners.map { runner in
                let status = runner.status
                return (
                    status.group,
                    Dictionary(
                        status.partitions.map { ($0.partition, Offset($0.position)) }, uniquingKeysWith: { first, _ in first })
                )
            }, uniquingKeysWith: { first, _ in first })
    }
}

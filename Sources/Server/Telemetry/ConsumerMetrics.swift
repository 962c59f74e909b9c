internal import Consumption
internal import EventLog
internal import Telemetry

/// What `/metrics` says of the consumers of the log.
struct ConsumerMetrics: MetricsSource {
    let runners: [ConsumerRunner]

    func write(to text: inout PrometheusText) {
        let all = runners.map(\.status)
        text.add(
            "consumer_lag", .gauge, help: "Records that a consumer group has not taken yet.",
            all.flatMap { status in
                status.partitions.map { partition in
                    (
                        [
                            ("group", status.group), ("topic", partition.partition.topic.text),
                            ("partition", "\(partition.partition.partition)"),
                        ], partition.lag
                    )
                }
            })
        func add(_ name: String, _ help: String, _ value: (ConsumerStatus) -> Int64) {
            text.add(name, .counter, help: help, all.map { ([("group", $0.group)], value($0)) })
        }
        add("consumer_records_total", "Records that a consumer group has taken.", \.takenCount)
        add("consumer_failures_total", "Attempts of a consumer group that failed and were made again.", \.failureCount)
        add("consumer_set_aside_total", "Records that a consumer group could not take and set aside.", \.passedOver.setAside)
        text.add(
            "consumer_missed_offsets_total", .counter,
            help: "Offsets that a consumer group has passed without seeing a record: removed by retention before, or damaged.",
            all.flatMap { status in
                ConsumptionGap.Cause.allCases.map { cause in
                    ([("cause", cause.rawValue), ("group", status.group)], status.passedOver.gaps[cause] ?? 0)
                }
            })
    }
}

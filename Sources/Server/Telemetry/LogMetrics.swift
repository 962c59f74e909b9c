internal import EventLog
internal import LogStorage

/// What `/metrics` says of the log.
struct LogMetrics {
    let log: EmbeddedLog
    let minFreeBytes: Int

    func write(to text: inout PrometheusText) {
        if let free = log.freeBytes {
            text.add("log_disk_free_bytes", .gauge, help: "Room on the log's disk.", Int64(free))
        }
        text.add(
            "log_min_free_bytes", .gauge, help: "Room that Log.MinFreeBytes keeps free on the log's disk.", Int64(minFreeBytes))
        text.add(
            "log_low_space", .gauge, help: "1 while events are refused because the log's disk has too little room left.",
            log.shortage == nil ? 0 : 1)
        let statuses = log.statuses
        let states = ["open", "poisoned", "read-only"]
        text.add(
            "log_partitions", .gauge, help: "Partitions by state; only open ones take records.",
            states.map { state in ([("state", state)], Int64(statuses.count { $0.state.name == state })) })
        text.add(
            "log_lost_records", .gauge,
            help: "Records known to be lost to damage, by partition, as far as this run of the service has met them.",
            statuses.filter { !$0.damage.isEmpty }.map { status in
                (
                    [("topic", status.partition.topic.text), ("partition", "\(status.partition.partition)")],
                    status.damage.lostOffsets
                )
            })
    }
}

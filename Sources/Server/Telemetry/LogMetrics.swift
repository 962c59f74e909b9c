internal import EventLog
internal import LogStorage
internal import Telemetry

/// What `/metrics` says of the log.
struct LogMetrics: MetricsSource {
    let log: EmbeddedLog
    let minFreeBytes: Int

    func write(to text: inout PrometheusText) {
        writeReads(to: &text)
        writeCommits(to: &text)
        writeSizes(to: &text)
        writeStates(to: &text)
    }

    private func writeReads(to text: inout PrometheusText) {
        text.add(
            "kafka_messages_consumed_total", .counter, help: "Records that consumers have read from the log.",
            Int64(log.readRecordCount))
    }

    private func writeCommits(to text: inout PrometheusText) {
        let meters = log.commitMeters
        text.add(
            "log_commit_duration_seconds", help: "Of a commit: everything that was queued, made durable by one sync.",
            meters.time,
            decimals: 6)
        text.add("log_commit_appends", help: "Requests that share a commit.", meters.appends)
        text.add("log_commit_records", help: "Records of a commit.", meters.records)
        let depth = log.queueDepth
        text.add("log_queue_appends", .gauge, help: "Requests that wait for their commit.", Int64(depth.appends))
        text.add(
            "log_queue_bytes", .gauge, help: "Bytes of requests that wait for their commit, or for the end of the one that runs.",
            Int64(depth.bytes))
    }

    private func writeSizes(to text: inout PrometheusText) {
        let sizes = log.sizes
        func add(_ name: String, _ help: String, _ value: (PartitionSize) -> Int64) {
            text.add(
                name, .gauge, help: help,
                sizes.map { size in
                    ([("topic", size.partition.topic.text), ("partition", "\(size.partition.partition)")], value(size))
                })
        }
        add("log_bytes", "Bytes of a partition's segments.") { Int64($0.byteCount) }
        add("log_segments", "Segments of a partition.") { Int64($0.segmentCount) }
        add("log_start_offset", "The first offset that a partition holds.") { $0.bounds.start.value }
        add("log_end_offset", "The offset of a partition's next record.") { $0.bounds.highWatermark.value }
    }

    private func writeStates(to text: inout PrometheusText) {
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

internal import CRdKafka
internal import EventLog
internal import RecordFormat

/// What a partition of a cluster holds behind an offset: read to find out what of ours is there already.
final class KafkaTail {
    private static let waitMilliseconds: Int32 = 1_000
    /// How long nothing may come before it is given up; another attempt begins anew.
    private static let silences = 10

    private let client: KafkaClient
    private let topic: OpaquePointer
    private let name: TopicName
    private let interruption: Interruption

    init(_ settings: KafkaClientSettings, topic name: TopicName, interruption: Interruption) throws {
        client = try KafkaClient(
            RD_KAFKA_CONSUMER, settings,
            [
                ("group.id", "okla-events"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true"),
                ("auto.offset.reset", "error"),
                ("allow.auto.create.topics", "false"), ("check.crcs", "true"), ("queued.max.messages.kbytes", "8192"),
            ])
        guard let topic = rd_kafka_topic_new(client.handle, name.text, nil) else { throw KafkaFailure(rd_kafka_last_error()) }
        self.topic = topic
        self.name = name
        self.interruption = interruption
    }

    deinit { rd_kafka_topic_destroy(topic) }

    /// Calls `body` with each message of a partition, from the beginning of `offsets` on, until it says false or they end.
    func read(
        _ partition: Int, _ offsets: Range<Int64>, _ body: (UnsafeMutablePointer<rd_kafka_message_t>) -> Bool
    ) throws {
        guard !offsets.isEmpty else { return }
        let number = Int32(partition)
        guard rd_kafka_consume_start(topic, number, offsets.lowerBound) == 0 else { throw failure(rd_kafka_last_error()) }
        defer { rd_kafka_consume_stop(topic, number) }
        var silences = 0
        while silences < Self.silences {
            try interruption.check()
            client.serve(milliseconds: 0)
            guard let message = rd_kafka_consume(topic, number, Self.waitMilliseconds) else {
                silences += 1
                continue
            }
            defer { rd_kafka_message_destroy(message) }
            if message.pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                // Its offset is the next one that there will be: offsets may be missing before it, of transactions, or where a topic is
                // compacted. A leader that is behind the one that was asked catches up.
                if message.pointee.offset >= offsets.upperBound { return }
                silences += 1
                continue
            }
            guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { throw failure(message.pointee.err) }
            guard message.pointee.offset < offsets.upperBound, body(message) else { return }
            if message.pointee.offset == offsets.upperBound - 1 { return }
            silences = 0
        }
        throw failure(RD_KAFKA_RESP_ERR__TIMED_OUT)
    }

    private func failure(_ error: rd_kafka_resp_err_t) -> KafkaFailure {
        KafkaFailure("what the Kafka cluster has of \(name) cannot be read: \(client.trouble ?? KafkaFailure(error).description)")
    }
}

internal import CRdKafka
internal import EventLog
internal import RecordFormat

/// Gives records to one topic of a cluster, by an idempotent producer: it repeats until a record is stored, and the cluster stores each once and in
/// order, whatever the network does. For one task at a time.
final class KafkaProducer {
    /// How often it is looked whether to end, in milliseconds.
    private static let lookMilliseconds: Int32 = 100
    /// Far above what a delivery holds.
    private static let queuedKibibytesMax = 65_536
    /// A larger one is refused before it is sent. The cluster has a limit of its own.
    private static let recordBytesMax = 16 << 20

    private static let properties: [(name: String, value: String)] = [
        ("enable.idempotence", "true"), ("compression.type", "lz4"), ("linger.ms", "5"),
        // Without an end: what is given up may be stored later all the same.
        ("message.timeout.ms", "0"),
        ("message.max.bytes", String(recordBytesMax)), ("queue.buffering.max.kbytes", String(queuedKibibytesMax)),
        ("reconnect.backoff.max.ms", "2000"),
    ]

    /// Where a record is in the log.
    struct Place: Hashable {
        let partition: Int
        let offset: Int64
    }

    /// What is at the other side when a producer begins.
    struct Target {
        let cluster: String
        /// What each of the topic's partitions holds, as many as the log has.
        let bounds: [Range<Int64>]
    }

    /// What became of what was sent.
    struct Outcome {
        /// Of each partition that got something, behind the last offset there that the cluster has told.
        var ends: [Int: Int64] = [:]
        var storedCount = 0
        var failures: [(place: Place, reason: KafkaFailure)] = []
    }

    /// One producer, from its beginning to its end: beyond that the cluster cannot tell a repetition.
    private final class Life {
        let client: KafkaClient
        let topic: OpaquePointer
        /// Since everything was settled.
        var sent: [Place] = []
        var settledCount = 0
        var outcome = Outcome()

        init(_ client: KafkaClient, _ name: TopicName) throws(KafkaFailure) {
            guard let topic = rd_kafka_topic_new(client.handle, name.text, nil) else { throw KafkaFailure(rd_kafka_last_error()) }
            self.client = client
            self.topic = topic
            client.onReport { [unowned self] number, result in settle(sent[number], result) }
        }

        deinit { rd_kafka_topic_destroy(topic) }

        func settle(_ place: Place, _ result: Result<Int64, KafkaFailure>) {
            settledCount += 1
            switch result {
            case .success(let offset):
                outcome.storedCount += 1
                outcome.ends[place.partition] = max(outcome.ends[place.partition] ?? 0, offset + 1)
                client.forgetTrouble()
            case .failure(let reason): outcome.failures.append((place, reason))
            }
        }
    }

    private let settings: KafkaClientSettings
    private let topic: TopicDefinition
    private let interruption: Interruption
    private var life: Life?
    /// Told while it waits: why it has to, or nil where nothing is known to be wrong.
    var onWaiting: (String?) -> Void = { _ in }

    init(_ settings: KafkaClientSettings, topic: TopicDefinition, interruption: Interruption) {
        self.settings = settings
        self.topic = topic
        self.interruption = interruption
    }

    /// Ends the producer. What it has not delivered is dropped, unless it is on its way already.
    func close() { life = nil }

    /// Begins a producer.
    ///
    /// - Throws: `KafkaFailure` where the cluster cannot be reached, or does not have the topic; `CancellationError` after an interruption.
    func open() throws -> Target {
        try interruption.check()
        let client = try KafkaClient(RD_KAFKA_PRODUCER, settings, Self.properties)
        // Before the topic is used: a cluster may make what it is asked for.
        let count = try client.partitionCount(of: topic.name)
        guard let count, count >= topic.partitionCount else {
            throw KafkaFailure(
                "the Kafka cluster has \(count.map { "\($0) partitions of \(topic.name)" } ?? "no topic \(topic.name)"); it must have "
                    + "\(topic.partitionCount) of them, or more")
        }
        try interruption.check()
        let bounds = try client.bounds(of: topic.name, count: topic.partitionCount)
        life = try Life(client, topic.name)
        return Target(cluster: client.clusterID(), bounds: bounds)
    }

    /// Reads what the cluster has of the topic.
    func tail() throws -> KafkaTail { try KafkaTail(settings, topic: topic.name, interruption: interruption) }

    /// To be called now and then while nothing is produced: what goes wrong meanwhile is nobody's trouble later.
    func tend() {
        life?.client.serve(milliseconds: 0)
        life?.client.forgetTrouble()
    }

    // MARK: Producing

    /// Hands a record over. Waits only where librdkafka has no room for it.
    ///
    /// - Throws: `CancellationError` after an interruption.
    func produce(_ record: RecordView, at place: Place) throws {
        guard let life else { throw KafkaFailure("there is no producer") }
        life.sent.append(place)
        while let failure = Self.queue(record, place, number: life.sent.count - 1, life) {
            if failure.isOfFullQueue { try wait(life) } else { return life.settle(place, .failure(failure)) }
        }
    }

    /// Waits until everything is stored, or refused.
    ///
    /// - Throws: `CancellationError` after an interruption.
    func settle() throws -> Outcome {
        guard let life else { throw KafkaFailure("there is no producer") }
        while life.settledCount < life.sent.count { try wait(life) }
        defer { (life.sent, life.settledCount, life.outcome) = ([], 0, Outcome()) }
        return life.outcome
    }

    private func wait(_ life: Life) throws {
        try interruption.check()
        try Task.checkCancellation()
        life.client.serve(milliseconds: Self.lookMilliseconds)
        life.client.dropIfFatal()
        onWaiting(life.client.trouble)
    }

    private static func queue(_ record: RecordView, _ place: Place, number: Int, _ life: Life) -> KafkaFailure? {
        let headers = rd_kafka_headers_new(2)
        record.forEachHeader { name, value in
            rd_kafka_header_add(
                headers, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count, start(value), value?.count ?? 0)
        }
        let error = okla_kafka_produce(
            life.client.handle, life.topic, Int32(place.partition), record.timestamp, start(record.key), record.key?.count ?? 0,
            start(record.value), record.value?.count ?? 0, headers, UnsafeMutableRawPointer(bitPattern: number))
        if error == RD_KAFKA_RESP_ERR_NO_ERROR { return nil }
        rd_kafka_headers_destroy(headers)
        return KafkaFailure(error)
    }

    /// NULL means that there is none, so what is empty has an address too.
    private static func start(_ bytes: UnsafeRawBufferPointer?) -> UnsafeRawPointer? {
        bytes.map { $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1)! }
    }
}

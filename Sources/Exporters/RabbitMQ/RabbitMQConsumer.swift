internal import Consumption
internal import EventLog
internal import EventModel
internal import RecordFormat

/// Publishes a topic to RabbitMQ, each record at least once: what is confirmed is kept in a file, a delivery at a time, so that a crash repeats one
/// delivery at most, with the same `message-id`s.
final class RabbitMQConsumer: Consumer, @unchecked Sendable {
    // Sendable: its runner calls it from one task at a time; what others ask for is in `shown`.

    let group = RabbitMQSettings.name
    private let publisher: RabbitMQPublisher
    private let messages: RabbitMQMessageMaker
    private let file: any CheckpointStore
    private let logName: String
    private let endsAtStart: [Int64]
    private let shown = ShownProgress()

    init(
        _ publisher: RabbitMQPublisher, messages: RabbitMQMessageMaker, file: any CheckpointStore, logName: String,
        endsAtStart: [Int64], warn: @escaping @Sendable (String) -> Void
    ) {
        self.publisher = publisher
        self.messages = messages
        self.file = file
        self.logName = logName
        self.endsAtStart = endsAtStart
        publisher.onBlocked { [weak self] reason in
            _ = self?.shown.meet(reason)
            if let reason { warn(reason) }
        }
    }

    var committed: [Int64] { shown.committed }
    var passedOver: PassedOver { shown.passedOver }
    var obstacle: String? { shown.obstacle }

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        // The file is read once.
        if shown.checkpoint == nil {
            var checkpoint =
                try ExporterCheckpoint.load(from: file, log: logName, partitionCount: endsAtStart.count)
                ?? ExporterCheckpoint(log: logName, positions: Array(repeating: 0, count: endsAtStart.count))
            // A log that does not sync may have lost its end. What comes in its place was not published.
            checkpoint.positions = zip(checkpoint.positions, endsAtStart).map { min($0, $1) }
            shown.show(checkpoint)
        }
        try publisher.open()
        return committed
    }

    func take(_ delivery: Delivery) async throws {
        var made = messages.empty
        try delivery.forEachRecord { partition, record throws(PoisonRecord) in
            do throws(JSONParser.Refusal) { try messages.add(record, partition, to: &made) } catch {
                throw PoisonRecord(partition: partition, offset: record.offset, reason: "the event is no JSON: \(error)")
            }
        }
        try publisher.publish(made)
        guard var next = shown.checkpoint else { return }
        next.pass(delivery)
        try file.save(next)
        shown.show(next)
        publisher.passed(delivery.positions)
    }

    func caughtUp(_ bounds: [OffsetBounds]) async throws { publisher.tend() }
}

/// Which messages are made of a topic's records.
struct RabbitMQMessageMaker: Sendable {
    let routingKeys: Set<RabbitMQMessages.RoutingKey>
    /// The topic is that of what follows from events.
    let isDerived: Bool
    let hasher: RecordIdentityHasher

    var empty: RabbitMQMessages { RabbitMQMessages(hasher: hasher) }

    func add(_ record: RecordView, _ partition: PartitionID, to messages: inout RabbitMQMessages) throws(JSONParser.Refusal) {
        try messages.add(record, partition: partition, wanted: routingKeys, isDerived: isDerived)
    }
}

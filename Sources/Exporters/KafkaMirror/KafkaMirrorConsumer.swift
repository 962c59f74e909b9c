internal import CRdKafka
internal import Consumption
internal import EventLog
internal import RecordFormat
internal import Synchronization

/// Copies a topic to a cluster: each record to the partition of its number, with its time, key, value and headers.
///
/// The file holds how far it has come, and where the cluster's partitions ended then. A producer's death leaves open what of a delivery was stored;
/// the next one reads what the cluster has behind those ends, and leaves out what it finds there.
final class KafkaMirrorConsumer: Consumer, @unchecked Sendable {
    // Sendable: its runner calls it from one task at a time; what others ask for is in `shown`.

    /// Of one partition: what is looked at behind its end. More than a delivery has records; what others write comes behind ours.
    private static let recordsLookedAtMax = 200_000

    let group = KafkaMirrorSettings.name
    let topic: TopicDefinition
    let counts = KafkaMirrorCounts()
    private let producer: KafkaProducer
    private let file: any CheckpointStore
    private let logName: String
    private let endsAtStart: [Int64]
    private let warn: @Sendable (String) -> Void
    private var identifier: KafkaRecordIdentifier
    /// nil: the file is not read yet.
    private var state: KafkaMirrorState?
    /// Of each partition, what the cluster has and `state` does not know: the offsets there, falling.
    private var found: [[RecordIdentity: [Int64]]] = []
    private let shown = ShownProgress()

    init(
        _ topic: TopicDefinition, producer: KafkaProducer, file: any CheckpointStore, logName: String,
        hasher: RecordIdentityHasher, endsAtStart: [Int64], warn: @escaping @Sendable (String) -> Void
    ) {
        self.topic = topic
        self.producer = producer
        self.file = file
        self.logName = logName
        self.endsAtStart = endsAtStart
        self.warn = warn
        identifier = KafkaRecordIdentifier(hasher)
        producer.onWaiting = { [unowned self] trouble in waiting(trouble) }
    }

    var committed: [Int64] { shown.committed }
    var passedOver: PassedOver { shown.passedOver }
    var obstacle: String? { shown.obstacle }

    // MARK: Beginning

    func resume(_ bounds: [OffsetBounds]) async throws -> [Int64] {
        var state = try self.state ?? KafkaMirrorState.load(from: file, log: logName, endsAtStart: endsAtStart)
        shown.show(state.checkpoint)
        let target = try producer.open()
        do {
            if state.cluster != target.cluster {
                if state.cluster != nil {
                    warn("the Kafka cluster is another one than before; the topic \(topic.name) is copied from its beginning")
                }
                state.begin(target)
            }
            // A topic that holds less than it did was made anew.
            state.ends = zip(state.ends, target.bounds).map { min($0, $1.upperBound) }
            try look(target, behind: state.ends)
            if state != self.state { try file.save(state) }
        } catch {
            producer.close()
            throw error
        }
        self.state = state
        shown.show(state.checkpoint)
        return state.checkpoint.positions
    }

    /// Finds what the cluster has behind `ends`.
    private func look(_ target: KafkaProducer.Target, behind ends: [Int64]) throws {
        found = Array(repeating: [:], count: topic.partitionCount)
        let behind = zip(ends, target.bounds).map { end, bounds in max(end, bounds.lowerBound)..<bounds.upperBound }
        if behind.allSatisfy(\.isEmpty) { return }
        let tail = try producer.tail()
        for (partition, offsets) in behind.enumerated() {
            var count = 0
            try tail.read(partition, offsets) { message in
                found[partition][identifier.identity(of: message), default: []].append(message.pointee.offset)
                count += 1
                return count < Self.recordsLookedAtMax
            }
            found[partition] = found[partition].mapValues { $0.reversed() }
        }
    }

    // MARK: Copying

    func take(_ delivery: Delivery) async throws {
        guard var state else { return }
        do {
            let outcome = try copy(delivery)
            for (partition, end) in outcome.ends { state.ends[partition] = max(state.ends[partition], end) }
            state.checkpoint.pass(delivery)
            try file.save(state)
        } catch {
            // What of it is stored, the next producer finds out.
            producer.close()
            throw error
        }
        self.state = state
        shown.show(state.checkpoint)
    }

    private func copy(_ delivery: Delivery) throws -> KafkaProducer.Outcome {
        defer { waiting(nil) }
        var foundCount: Int64 = 0
        var foundEnds: [Int: Int64] = [:]
        try delivery.forEachRecord { partition, record throws(any Error) in
            if !found[partition.number].isEmpty, let offset = take(partition.number, identifier.identity(of: record)) {
                foundCount += 1
                foundEnds[partition.number] = max(foundEnds[partition.number] ?? 0, offset + 1)
            } else {
                try producer.produce(record, at: .init(partition: partition.number, offset: record.offset))
            }
        }
        var outcome = try producer.settle()
        if !outcome.failures.isEmpty { try again(delivery, &outcome) }
        // What is passed is not to be found again.
        outcome.ends.merge(foundEnds) { max($0, $1) }
        counts.found.add(foundCount, ordering: .relaxed)
        counts.stored.add(Int64(outcome.storedCount), ordering: .relaxed)
        return outcome
    }

    /// Takes one from what was found, the first of those that are alike: its offset. nil: it was not there.
    private func take(_ partition: Int, _ identity: RecordIdentity) -> Int64? {
        guard let offset = found[partition][identity]?.popLast() else { return nil }
        if found[partition][identity]?.isEmpty == true { found[partition][identity] = nil }
        return offset
    }

    /// A cluster refuses batches as a whole: each of the records that came back is sent alone, to know which of them it means.
    private func again(_ delivery: Delivery, _ outcome: inout KafkaProducer.Outcome) throws {
        if let other = outcome.failures.first(where: { !$0.reason.isOfRecord }) {
            throw KafkaFailure("the Kafka cluster does not take \(topic.name): \(other.reason)")
        }
        let refused = Set(outcome.failures.map(\.place))
        try delivery.forEachRecord { partition, record throws(any Error) in
            let place = KafkaProducer.Place(partition: partition.number, offset: record.offset)
            guard refused.contains(place) else { return }
            try producer.produce(record, at: place)
            let alone = try producer.settle()
            if let failure = alone.failures.first {
                throw failure.reason.isOfRecord
                    ? PoisonRecord(
                        partition: partition, offset: record.offset,
                        reason: "the Kafka cluster does not take it: \(failure.reason)")
                    : KafkaFailure("the Kafka cluster does not take \(topic.name): \(failure.reason)")
            }
            outcome.storedCount += alone.storedCount
            outcome.ends.merge(alone.ends) { max($0, $1) }
        }
    }

    /// Everything is taken: what was found and is not ours will not come.
    func caughtUp(_ bounds: [OffsetBounds]) async throws {
        for partition in found.indices { found[partition] = [:] }
        producer.tend()
    }

    // MARK: Shown

    private func waiting(_ trouble: String?) {
        let obstacle = trouble.map { "the Kafka cluster does not answer: \($0)" }
        if shown.meet(obstacle), let obstacle { warn(obstacle) }
    }
}

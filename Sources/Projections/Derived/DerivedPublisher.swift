internal import Consumption
internal import EventLog
internal import Foundation
internal import RecordFormat
internal import Synchronization

/// Carries one projection's derived events from its outbox into the log, each once, whatever is killed when: what an append before a crash
/// has left there is found by its messageId, behind the end that the outbox remembers.
package final class DerivedPublisher: Sendable {
    /// Events of one append.
    private static let groupMax = 500
    private static let groupBytesMax = 1 << 20
    private static let idleInterval = Duration.seconds(1)

    private let database: ProjectionDatabase
    private let names: Set<String>
    private let topic: TopicDefinition
    private let writer: any LogWriter
    private let feed: LogFeed
    private let now: @Sendable () -> Int64
    private let onFailure: @Sendable (String) -> Void
    private let publishedCount = Atomic<Int>(0)

    /// - Parameters:
    ///   - names: of the events that nobody but this outbox derives.
    ///   - now: milliseconds since 1970.
    ///   - onFailure: told of the first of several failures.
    init(
        _ database: ProjectionDatabase, names: [DerivedEvent.Name], topic: TopicDefinition, log: any LogReader & LogWriter,
        now: @escaping @Sendable () -> Int64, onFailure: @escaping @Sendable (String) -> Void
    ) {
        self.database = database
        self.names = Set(names.map(\.rawValue))
        self.topic = topic
        self.now = now
        self.onFailure = onFailure
        writer = log
        feed = LogFeed(log, keptBytesMax: 0)
    }

    /// Since the process began.
    package var count: Int { publishedCount.load(ordering: .relaxed) }

    /// Runs until the task is cancelled.
    package func run() async {
        var backoff = Backoff()
        var isFailing = false
        /// What was compared with the log; nil: what there is must be.
        var compared: Outbox?
        while !Task.isCancelled {
            let seen = database.changes.count
            do {
                let outbox = Outbox(database: database, generation: database.generation)
                if outbox.generation > 0 {
                    if compared?.generation != outbox.generation { try await compare(outbox) }
                    compared = outbox
                    try await publishAll(outbox)
                }
                backoff.reset()
                isFailing = false
                await database.changes.wait(beyond: seen, atMost: Self.idleInterval)
            } catch {
                // Some of them may be in the log all the same.
                compared = nil
                if !(error is NotReady || error is CancellationError || isFailing) {
                    isFailing = true
                    onFailure("\(error)")
                }
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    /// Looks through what came into the log behind the ends that the outbox remembers.
    private func compare(_ outbox: Outbox) async throws {
        let ends = try outbox.ends()
        for number in 0..<topic.partitionCount {
            let partition = TopicPartition(topic.name, PartitionID(number))
            let bounds = try feed.bounds(of: partition)
            if let end = ends[number], end > bounds.highWatermark.value {
                // What was told there is lost. It is derived again, and what is left of it is recognized.
                database.condemn("partition \(number) of \(topic.name) ends before what was written there")
                throw NotReady(reason: "what was derived is compared with the whole topic")
            }
            var position = max(ends[number] ?? 0, bounds.start.value)
            while position < bounds.highWatermark.value, let batches = try await feed.read(partition, from: position),
                let next = batches.nextOffset
            {
                try outbox.found(messageIDs(batches, from: position), upTo: next, partition: number)
                position = next
            }
        }
    }

    private func messageIDs(_ batches: InflatedBatches, from offset: Int64) -> [String] {
        (batches.place(atOrAfter: offset)..<batches.count).compactMap { place in
            batches.withRecord(at: place) { record in
                guard let name = record.header("event"), let id = record.header("messageId"),
                    names.contains(String(decoding: name, as: UTF8.self))
                else { return nil }
                return String(decoding: id, as: UTF8.self)
            }
        }
    }

    private func publishAll(_ outbox: Outbox) async throws {
        while true {
            try Task.checkCancellation()
            let entries = try outbox.first(Self.groupMax, bytesMax: Self.groupBytesMax)
            if entries.isEmpty { return }
            let missing = try outbox.withoutFound(entries)
            if !missing.isEmpty { try await publish(missing, outbox) }
        }
    }

    private func publish(_ entries: [Outbox.Entry], _ outbox: Outbox) async throws {
        guard let handle = writer.topic(named: topic.name)?.handle else {
            throw NotReady(reason: "there is no topic \(topic.name)")
        }
        let group = RecordGroup(Self.group(entries, handle, partitionCount: topic.partitionCount, now: now()))
        let receipt = await writer.append(group)
        if let failure = receipt.failures.first { throw failure }
        var ends: [Int: Int64] = [:]
        for (entry, offset) in zip(group.entries, receipt.offsets) {
            ends[Int(entry.partition)] = max(ends[Int(entry.partition)] ?? 0, offset + 1)
        }
        try outbox.published(entries, ends: ends)
        publishedCount.wrappingAdd(entries.count, ordering: .relaxed)
    }

    private static func group(
        _ entries: [Outbox.Entry], _ topic: TopicHandle, partitionCount: Int, now: Int64
    ) -> RecordGroupBuilder {
        var group = RecordGroupBuilder(timestamp: now, recordCount: entries.count)
        for entry in entries {
            let start = group.bodies.count
            entry.key.withUnsafeBytes { RecordBody.appendField($0, to: &group.bodies) }
            entry.value.withUnsafeBytes { RecordBody.appendField($0, to: &group.bodies) }
            RecordBody.appendHeaderCount(2, to: &group.bodies)
            Array(entry.event.utf8).withUnsafeBytes { RecordBody.appendHeader("event", $0, to: &group.bodies) }
            Array(entry.messageID.utf8).withUnsafeBytes { RecordBody.appendHeader("messageId", $0, to: &group.bodies) }
            _ = group.close(
                from: start, topic: topic,
                partition: entry.key.withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: partitionCount) }, identity: nil)
        }
        return group
    }
}

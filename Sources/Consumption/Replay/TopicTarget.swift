package import EventLog
internal import RecordFormat

/// Writes a replay into a topic of the same log. A record keeps its key, its value and its headers, and gets the time at which it is
/// written; three headers more say where it comes from, so that a replay that goes on after a crash knows what it has written.
package struct TopicTarget: ReplayTarget {
    private static let prefix = "topic:"

    private let topic: TopicName
    private let writer: any LogWriter
    private let feed: LogFeed
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64

    package init(
        topic: TopicName, log: any LogWriter & LogReader, executor: (any TaskExecutor)? = nil,
        now: @escaping @Sendable () -> Int64
    ) {
        self.topic = topic
        writer = log
        feed = LogFeed(log, keptBytesMax: 0, executor: executor)
        self.now = now
    }

    /// The topic that a replay's target means; nil where it is no topic, or its name is none.
    package static func topic(of target: String) -> TopicName? {
        target.hasPrefix(prefix) ? TopicName(String(target.dropFirst(prefix.count))) : nil
    }

    private func known() throws(ReplayImpossible) -> (handle: TopicHandle, partitionCount: Int) {
        guard let known = writer.topic(named: topic) else { throw ReplayImpossible("there is no topic \(topic) any more") }
        return known
    }

    package func mark() async throws -> [Int64] {
        try (0..<known().partitionCount).map { try feed.bounds(of: TopicPartition(topic, PartitionID($0))).highWatermark.value }
    }

    // MARK: What is there

    package func written(by replay: String, since mark: [Int64]) async throws -> Set<ReplayPlace> {
        let replay = Array(replay.utf8)
        var found: Set<ReplayPlace> = []
        for number in 0..<(try known()).partitionCount {
            let partition = TopicPartition(topic, PartitionID(number))
            try await feed.settle(partition)
            let bounds = try feed.bounds(of: partition)
            var position = max(number < mark.count ? mark[number] : 0, bounds.start.value)
            while position < bounds.highWatermark.value, let batches = try await feed.read(partition, from: position),
                let next = batches.nextOffset
            {
                try Task.checkCancellation()
                for place in batches.place(atOrAfter: position)..<batches.count {
                    if let origin = batches.withRecord(at: place, { Self.origin(of: $0, replay) }) { found.insert(origin) }
                }
                position = next
            }
        }
        return found
    }

    private static func origin(of record: RecordView, _ replay: [UInt8]) -> ReplayPlace? {
        guard record.header("replayId")?.elementsEqual(replay) == true, let partition = number(record.header("replayPartition")),
            let offset = number(record.header("replayOffset"))
        else { return nil }
        return ReplayPlace(partition: Int(partition), offset: offset)
    }

    private static func number(_ text: UnsafeRawBufferPointer?) -> Int64? {
        text.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    // MARK: Writing

    package func write(_ chunk: ReplayChunk, of replay: String) async throws {
        let (handle, partitionCount) = try known()
        let receipt = await writer.append(
            RecordGroup(Self.group(chunk, of: Array(replay.utf8), handle, partitionCount: partitionCount, now: now())))
        if let failure = receipt.failures.first { throw failure }
    }

    private static func group(
        _ chunk: ReplayChunk, of replay: [UInt8], _ topic: TopicHandle, partitionCount: Int, now: Int64
    ) -> RecordGroupBuilder {
        var group = RecordGroupBuilder(timestamp: now, recordCount: chunk.places.count)
        let from = Array("\(chunk.partition)".utf8)
        for place in chunk.places {
            chunk.batches.withRecord(at: place) { record in
                let start = group.bodies.count
                append(record.key, to: &group.bodies)
                append(record.value, to: &group.bodies)
                var headerCount = 3
                record.forEachHeader { name, _ in headerCount += isOfReplay(name) ? 0 : 1 }
                RecordBody.appendHeaderCount(headerCount, to: &group.bodies)
                record.forEachHeader { name, value in
                    // A copy of a copy comes from where it was read now.
                    if isOfReplay(name) { return }
                    RecordBody.appendField(name, to: &group.bodies)
                    append(value, to: &group.bodies)
                }
                replay.withUnsafeBytes { RecordBody.appendHeader("replayId", $0, to: &group.bodies) }
                from.withUnsafeBytes { RecordBody.appendHeader("replayPartition", $0, to: &group.bodies) }
                Array("\(record.offset)".utf8).withUnsafeBytes { RecordBody.appendHeader("replayOffset", $0, to: &group.bodies) }
                // One without a key goes where it would have gone among so many.
                let partition =
                    record.key.map { Murmur2.partition(of: $0, partitionCount: partitionCount) } ?? chunk.partition
                    % partitionCount
                _ = group.close(from: start, topic: topic, partition: partition, identity: nil)
            }
        }
        return group
    }

    private static func isOfReplay(_ name: UnsafeRawBufferPointer) -> Bool {
        ["replayId", "replayPartition", "replayOffset"].contains { name.elementsEqual($0.utf8) }
    }

    private static func append(_ field: UnsafeRawBufferPointer?, to target: inout GrowableBytes) {
        if let field { RecordBody.appendField(field, to: &target) } else { RecordBody.appendAbsentField(to: &target) }
    }
}

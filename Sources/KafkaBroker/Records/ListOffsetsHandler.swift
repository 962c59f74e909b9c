internal import EventLog
internal import KafkaProtocol
internal import LogStorage
internal import RecordFormat

/// Says where a partition begins, where it ends, and which offset belongs to a time.
struct ListOffsetsHandler: RequestHandler {
    let broker: Broker
    private let readers = BatchReaders()

    init(broker: Broker) { self.broker = broker }

    private enum Time {
        static let latest: Int64 = -1
        static let earliest: Int64 = -2
        static let greatest: Int64 = -3
    }

    func handle(_ message: ListOffsetsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        Task {
            var response = ListOffsetsResponse()
            for wantedTopic in message.topics {
                var topic = ListOffsetsResponse.Topic()
                topic.name = wantedTopic.name
                for wanted in wantedTopic.partitions {
                    topic.partitions.append(await found(wantedTopic.name, wanted, request.client.user))
                }
                response.topics.append(topic)
            }
            answer(Answer(response, to: request.header))
        }
    }

    private func found(_ topic: String, _ wanted: ListOffsetsRequest.Partition, _ user: User) async
        -> ListOffsetsResponse.Partition
    {
        var found = ListOffsetsResponse.Partition()
        found.partition = wanted.partition
        guard user.mayRead(topic) else {
            found.error = .topicAuthorizationFailed
            return found
        }
        guard let partition = broker.partition(topic, wanted.partition) else {
            found.error = .unknownTopicOrPartition
            return found
        }
        guard wanted.currentLeaderEpoch <= Broker.leaderEpoch else {
            found.error = .unknownLeaderEpoch
            return found
        }
        do throws(LogError) {
            let place = try await place(partition, wanted.timestamp)
            found.leaderEpoch = place == nil ? -1 : Broker.leaderEpoch
            found.offset = place?.offset ?? -1
            found.timestamp = place?.timestamp ?? -1
            found.offsets = place.map { [$0.offset] } ?? []
        } catch {
            found.error = KafkaErrorCode(error)
        }
        return found
    }

    private func place(
        _ partition: TopicPartition, _ time: Int64
    ) async throws(LogError) -> (offset: Int64, timestamp: Int64)? {
        let bounds = try broker.log.bounds(of: partition)
        switch time {
        case Time.latest: return (bounds.highWatermark.value, -1)
        case Time.earliest: return (bounds.start.value, -1)
        case Time.greatest:
            guard let newest = try await broker.log.newestTimestamp(of: partition) else { return nil }
            return try await record(partition, atOrAfter: newest)
        default: return try await record(partition, atOrAfter: time)
        }
    }

    private func record(
        _ partition: TopicPartition, atOrAfter time: Int64
    ) async throws(LogError) -> (offset: Int64, timestamp: Int64)? {
        guard let offset = try await broker.log.offset(partition, atOrAfter: time) else { return nil }
        let batch = try await broker.log.read(partition, from: offset, maximumBytes: 0)
        let timestamp = readers.withReader { reader in
            batch.withUnsafeBytes { bytes -> Int64? in
                guard let header = try? RecordBatchHeader(reading: bytes) else { return nil }
                var timestamp: Int64?
                try? reader.forEachRecord(in: bytes, header: header) { if $0.offset == offset.value { timestamp = $0.timestamp } }
                return timestamp
            }
        }
        return (offset.value, timestamp ?? time)
    }
}

/// Says where a leader's epoch ends. There is one.
struct OffsetForLeaderEpochHandler: RequestHandler {
    let broker: Broker

    func handle(_ message: OffsetForLeaderEpochRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = OffsetForLeaderEpochResponse()
        response.topics = message.topics.map { topic in topic.map { found(topic.name, $0, request.client.user) } }
        answer(Answer(response, to: request.header))
    }

    private func found(
        _ topic: String, _ wanted: OffsetForLeaderEpochRequest.Partition, _ user: User
    ) -> OffsetForLeaderEpochResponse.Partition {
        var found = OffsetForLeaderEpochResponse.Partition()
        found.partition = wanted.partition
        guard user.mayRead(topic) else {
            found.error = .topicAuthorizationFailed
            return found
        }
        guard let partition = broker.partition(topic, wanted.partition), let bounds = try? broker.log.bounds(of: partition) else {
            found.error = .unknownTopicOrPartition
            return found
        }
        if wanted.leaderEpoch == Broker.leaderEpoch {
            found.leaderEpoch = Broker.leaderEpoch
            found.endOffset = bounds.highWatermark.value
        }
        return found
    }
}

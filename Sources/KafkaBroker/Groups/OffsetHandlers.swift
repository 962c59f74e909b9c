internal import EventLog
internal import KafkaProtocol

/// Keeps where the readers of a group are.
struct OffsetCommitHandler: RequestHandler {
    let broker: Broker
    let groups: Groups

    /// Kafka's `offset.metadata.max.bytes`.
    private static let metadataBytesMax = 4096

    func handle(_ message: OffsetCommitRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        let header = request.header
        if let error = refusal(message, request) { return answer(Answer(response(message) { _, _ in error }, to: header)) }
        let now = broker.now()
        var changes: [OffsetStore.Change] = []
        var errors: [String: [Int32: KafkaErrorCode]] = [:]
        for topic in message.topics {
            for wanted in topic.partitions {
                let metadata = wanted.committedMetadata ?? ""
                if !request.client.user.mayRead(topic.name) {
                    errors[topic.name, default: [:]][wanted.partition] = .topicAuthorizationFailed
                } else if metadata.utf8.count > Self.metadataBytesMax {
                    errors[topic.name, default: [:]][wanted.partition] = .offsetMetadataTooLarge
                } else if let partition = broker.partition(topic.name, wanted.partition) {
                    let committed = GroupOffsets.Committed(
                        offset: wanted.committedOffset, leaderEpoch: wanted.committedLeaderEpoch, metadata: metadata,
                        timestamp: now)
                    changes.append((message.groupID, partition, committed))
                } else {
                    errors[topic.name, default: [:]][wanted.partition] = .unknownTopicOrPartition
                }
            }
        }
        groups.store.keep(changes) { [errors] failure in
            answer(
                Answer(
                    response(message) { errors[$0]?[$1] ?? failure.map { _ in .coordinatorNotAvailable } ?? .none }, to: header))
        }
    }

    private func refusal(_ message: OffsetCommitRequest, _ request: Request) -> KafkaErrorCode? {
        if let error = groups.refusal(of: message.groupID, request.client.user) { return error }
        guard (1...broker.limits.groupNameBytesMax).contains(message.groupID.utf8.count) else { return .invalidGroupID }
        let error = groups.coordinator.maySet(
            offsetsOf: message.groupID, member: message.memberID, instanceID: message.groupInstanceID,
            generation: message.generationID)
        if error != .none { return error }
        return groups.store.byteCount > broker.limits.offsetBytesMax ? .invalidCommitOffsetSize : nil
    }

    private func response(
        _ message: OffsetCommitRequest, _ error: (String, Int32) -> KafkaErrorCode
    ) -> OffsetCommitResponse {
        var response = OffsetCommitResponse()
        response.topics = message.topics.map { topic in
            topic.map { wanted in
                var partition = OffsetCommitResponse.Partition()
                partition.partition = wanted.partition
                partition.error = error(topic.name, wanted.partition)
                return partition
            }
        }
        return response
    }
}

/// Says where the readers of a group are.
struct OffsetFetchHandler: RequestHandler {
    let groups: Groups

    func handle(_ message: OffsetFetchRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = OffsetFetchResponse()
        if request.header.version >= 8 {
            response.groups = message.groups.map { found($0.groupID, $0.topics, request.client.user) }
        } else {
            // Of version 0 and 1, no topics are none.
            let group = found(message.groupID, message.topics ?? (request.header.version < 2 ? [] : nil), request.client.user)
            (response.topics, response.error) = (group.topics, group.error)
        }
        answer(Answer(response, to: request.header))
    }

    private func found(_ id: String, _ wanted: [OffsetFetchRequest.Topic]?, _ user: User) -> OffsetFetchResponse.Group {
        var group = OffsetFetchResponse.Group()
        group.groupID = id
        guard user.mayUseGroups else {
            group.error = .groupAuthorizationFailed
            return group
        }
        let offsets = groups.offsets(of: id)
        let all = Dictionary(grouping: offsets.keys.filter { user.mayRead($0.topic.text) }, by: \.topic)
        let asked =
            wanted
            ?? all.sorted { $0.key < $1.key }.map { name, partitions in
                var topic = OffsetFetchRequest.Topic()
                topic.name = name.text
                topic.partitions = partitions.map { Int32($0.partition.number) }.sorted()
                return topic
            }
        group.topics = asked.map { wanted in
            var topic = OffsetFetchResponse.Topic()
            topic.name = wanted.name
            topic.partitions = wanted.partitions.map { found(wanted.name, $0, offsets, user) }
            return topic
        }
        return group
    }

    private func found(
        _ topic: String, _ number: Int32, _ offsets: [TopicPartition: GroupOffsets.Committed], _ user: User
    ) -> OffsetFetchResponse.Partition {
        var partition = OffsetFetchResponse.Partition()
        partition.partition = number
        partition.committedOffset = -1
        partition.metadata = ""
        if !user.mayRead(topic) {
            partition.error = .topicAuthorizationFailed
        } else if number >= 0, let name = TopicName(topic),
            let committed = offsets[TopicPartition(name, PartitionID(Int(number)))]
        {
            partition.committedOffset = committed.offset
            partition.committedLeaderEpoch = committed.leaderEpoch
            partition.metadata = committed.metadata
        }
        return partition
    }
}

/// Forgets offsets of a group.
struct OffsetDeleteHandler: RequestHandler {
    let broker: Broker
    let groups: Groups

    func handle(_ message: OffsetDeleteRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = OffsetDeleteResponse()
        let header = request.header
        let offsets = groups.store[message.groupID]
        if let error = groups.refusal(of: message.groupID, request.client.user) {
            response.error = error
        } else if let group = groups.coordinator.group(message.groupID), !group.isEmpty {
            response.error = .nonEmptyGroup
        } else if offsets.isEmpty {
            response.error = .groupIDNotFound
        }
        guard response.error == .none else { return answer(Answer(response, to: header)) }
        let partitions = message.topics.flatMap { topic in
            topic.partitions.compactMap { broker.partition(topic.name, $0.partition) }
        }
        groups.store.keep(partitions.filter { offsets[$0] != nil }.map { (message.groupID, $0, nil) }) { failure in
            var response = OffsetDeleteResponse()
            response.topics = message.topics.map { topic in
                topic.map { wanted in
                    var partition = OffsetDeleteResponse.Partition()
                    partition.partition = wanted.partition
                    partition.error =
                        broker.partition(topic.name, wanted.partition) == nil
                        ? .unknownTopicOrPartition : failure.map { _ in .coordinatorNotAvailable } ?? .none
                    return partition
                }
            }
            answer(Answer(response, to: header))
        }
    }
}

extension Groups {
    /// Also those of the service's own groups.
    func offsets(of group: String) -> [TopicPartition: GroupOffsets.Committed] {
        guard let own = builtIn.offsets[group] else { return store[group] }
        return own.mapValues {
            GroupOffsets.Committed(offset: $0.value, leaderEpoch: Broker.leaderEpoch, metadata: "", timestamp: -1)
        }
    }
}

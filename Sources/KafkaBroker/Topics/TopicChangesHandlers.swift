internal import EventLog
internal import KafkaProtocol
internal import LogStorage

/// Makes topics.
struct CreateTopicsHandler: RequestHandler {
    let broker: Broker

    func handle(_ message: CreateTopicsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        Task {
            var response = CreateTopicsResponse()
            for wanted in message.topics {
                var topic = CreateTopicsResponse.Topic()
                topic.name = wanted.name
                do throws(TopicKeeper.Refusal) {
                    guard message.topics.count(where: { $0.name == wanted.name }) == 1 else {
                        throw TopicKeeper.Refusal(.invalidRequest, "the request names \(wanted.name) more than once")
                    }
                    topic.numPartitions = Int32(try await make(wanted, request.client.user, onlyChecks: message.validateOnly))
                    topic.replicationFactor = 1
                } catch {
                    topic.error = error.code
                    topic.errorMessage = error.message
                }
                response.topics.append(topic)
            }
            answer(Answer(response, to: request.header))
        }
    }

    private func make(
        _ wanted: CreateTopicsRequest.Topic, _ user: User, onlyChecks: Bool
    ) async throws(TopicKeeper.Refusal) -> Int {
        guard user.mayManage(wanted.name) else {
            throw TopicKeeper.Refusal(.topicAuthorizationFailed, "\(user.name) may not make the topic \(wanted.name)")
        }
        let times = try TopicSettings.times(wanted.settings)
        let count = try partitionCount(wanted)
        if onlyChecks {
            _ = try broker.topics.check(wanted.name, partitionCount: count)
        } else {
            try await broker.topics.make(wanted.name, partitionCount: count, times: times)
        }
        return count
    }

    private func partitionCount(_ wanted: CreateTopicsRequest.Topic) throws(TopicKeeper.Refusal) -> Int {
        if wanted.assignments.isEmpty {
            guard wanted.replicationFactor == -1 || wanted.replicationFactor == 1 else {
                throw TopicKeeper.Refusal(
                    .invalidReplicationFactor,
                    "there is one broker: a replication factor of \(wanted.replicationFactor) cannot be")
            }
            return wanted.numPartitions == -1 ? broker.settings.partitionCount : Int(wanted.numPartitions)
        }
        guard Set(wanted.assignments.map(\.partition)) == Set(0..<Int32(wanted.assignments.count)),
            wanted.assignments.allSatisfy({ $0.brokerIDs == [Broker.nodeID] })
        else {
            throw TopicKeeper.Refusal(
                .invalidReplicaAssignment, "each partition, from 0 on, is assigned to the one broker, \(Broker.nodeID)")
        }
        return wanted.assignments.count
    }
}

/// Deletes topics, and what groups have committed of them.
struct DeleteTopicsHandler: RequestHandler {
    let broker: Broker
    let groups: Groups

    func handle(_ message: DeleteTopicsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        let wanted =
            request.header.version >= 6 ? message.topics.map { ($0.name, $0.topicID) } : message.topicNames.map { ($0, .none) }
        Task {
            var response = DeleteTopicsResponse()
            for (name, id) in wanted {
                var topic = DeleteTopicsResponse.Topic()
                topic.name = name
                topic.topicID = id
                do throws(TopicKeeper.Refusal) { try await delete(name, request.client.user) } catch {
                    topic.error = error.code
                    topic.errorMessage = error.message
                }
                response.topics.append(topic)
            }
            answer(Answer(response, to: request.header))
        }
    }

    private func delete(_ name: String?, _ user: User) async throws(TopicKeeper.Refusal) {
        guard let name else { throw TopicKeeper.Refusal(.unknownTopicID, "topics have no numbers here, only names") }
        guard user.mayManage(name) else {
            throw TopicKeeper.Refusal(.topicAuthorizationFailed, "\(user.name) may not delete the topic \(name)")
        }
        guard let topic = TopicName(name).flatMap(broker.topics.definition) else {
            throw TopicKeeper.Refusal(.unknownTopicOrPartition, "there is no topic \(name)")
        }
        try await broker.topics.delete(topic)
        await groups.forget(topic.name)
    }
}

/// Refuses: a key's partition depends on how many there are, so the number stays.
struct CreatePartitionsHandler: RequestHandler {
    let broker: Broker

    func handle(_ message: CreatePartitionsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = CreatePartitionsResponse()
        response.results = message.topics.map { wanted in
            var topic = CreatePartitionsResponse.Topic()
            topic.name = wanted.name
            if !request.client.user.mayManage(wanted.name) {
                topic.error = .topicAuthorizationFailed
            } else if TopicName(wanted.name).flatMap(broker.topics.definition) == nil {
                topic.error = .unknownTopicOrPartition
            } else {
                topic.error = .invalidPartitions
                topic.errorMessage = "the number of a topic's partitions is fixed: make another topic"
            }
            return topic
        }
        answer(Answer(response, to: request.header))
    }
}

/// Deletes the first records of partitions.
struct DeleteRecordsHandler: RequestHandler {
    let broker: Broker

    func handle(_ message: DeleteRecordsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        Task {
            var response = DeleteRecordsResponse()
            for wanted in message.topics {
                var topic = DeleteRecordsResponse.Topic()
                topic.name = wanted.name
                for wantedPartition in wanted.partitions {
                    var partition = DeleteRecordsResponse.Partition()
                    partition.partition = wantedPartition.partition
                    do throws(TopicKeeper.Refusal) {
                        partition.lowWatermark = try await delete(wanted.name, wantedPartition, request.client.user)
                    } catch {
                        partition.error = error.code
                        partition.lowWatermark = -1
                    }
                    topic.partitions.append(partition)
                }
                response.topics.append(topic)
            }
            answer(Answer(response, to: request.header))
        }
    }

    private func delete(
        _ name: String, _ wanted: DeleteRecordsRequest.Partition, _ user: User
    ) async throws(TopicKeeper.Refusal) -> Int64 {
        guard user.mayManage(name) else {
            throw TopicKeeper.Refusal(.topicAuthorizationFailed, "\(user.name) may not delete records of \(name)")
        }
        guard let partition = broker.partition(name, wanted.partition), let topic = broker.topics.definition(of: partition.topic)
        else {
            throw TopicKeeper.Refusal(.unknownTopicOrPartition, "there is no such partition")
        }
        guard broker.topics.isClients(topic) else {
            throw TopicKeeper.Refusal(.topicAuthorizationFailed, "\(name) is the service's own topic")
        }
        do throws(LogError) {
            let offset = wanted.offset == -1 ? try broker.log.bounds(of: partition).highWatermark.value : wanted.offset
            return try await broker.log.deleteRecords(of: partition, before: offset)
        } catch {
            throw TopicKeeper.Refusal(error)
        }
    }
}

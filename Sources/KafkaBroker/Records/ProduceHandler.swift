internal import EventLog
internal import KafkaProtocol
internal import LogStorage
internal import NIOCore
internal import RecordFormat

/// Appends the batches of clients.
struct ProduceHandler: Sendable {
    let broker: Broker
    private let readers = BatchReaders()

    init(broker: Broker) { self.broker = broker }

    /// What becomes of a partition's batch.
    private enum Outcome {
        case refused(KafkaErrorCode, String?)
        /// The number of its entry in the group.
        case appended(Int)
    }

    private struct Place {
        let topic: String
        let partition: Int32
        let outcome: Outcome
    }

    /// - Parameters:
    ///   - onAccepted: called when the next request of the connection may be served: what it appends comes behind.
    func serve(
        _ request: Request, onAccepted: @escaping @Sendable () -> Void, _ answer: @escaping @Sendable (Answer) -> Void
    ) {
        let message: ProduceRequest
        do throws(KafkaProtocolError) {
            message = try request.decode(ProduceRequest.self)
        } catch {
            answer(request.malformed(error))
            return onAccepted()
        }
        broker.onWorker {
            let header = request.header
            let (group, places) = prepare(message, request)
            guard let group else {
                answer(answered(places, [], message.acks, header))
                return onAccepted()
            }
            broker.log.append(group) { receipts in answer(answered(places, receipts, message.acks, header)) }
            onAccepted()
        }
    }

    private func prepare(_ message: ProduceRequest, _ request: Request) -> (BatchGroup?, [Place]) {
        let now = broker.now()
        return readers.withReader { reader in
            request.bytes.withUnsafeReadableBytesWithStorageManagement { bytes, storage in
                var (entries, places) = ([BatchGroup.Entry](), [Place]())
                for topic in message.topics {
                    let target = target(topic.name, message, request)
                    for partition in topic.partitions {
                        let outcome = outcome(
                            partition, target, bytes, now, allowsZstandard: request.header.version >= 7, &reader, &entries)
                        places.append(Place(topic: topic.name, partition: partition.partition, outcome: outcome))
                    }
                }
                if entries.isEmpty { return (nil, places) }
                // The request's own bytes go to the log.
                return (BatchGroup(bytes, of: storage.takeUnretainedValue(), entries: entries, timestamp: now), places)
            }
        }
    }

    private enum Target {
        case topic(TopicDefinition, TopicHandle)
        case refused(KafkaErrorCode, String?)
    }

    private func target(_ text: String, _ message: ProduceRequest, _ request: Request) -> Target {
        guard (-1...1).contains(message.acks) else { return .refused(.invalidRequiredAcks, nil) }
        guard message.transactionalID == nil else {
            return .refused(.transactionalIDAuthorizationFailed, "transactions are not supported")
        }
        guard request.client.user.mayWrite(text) else { return .refused(.topicAuthorizationFailed, nil) }
        guard let name = TopicName(text) else { return .refused(.invalidTopic, nil) }
        guard let topic = broker.topics.definition(of: name), let handle = broker.log.topic(named: name)?.handle else {
            return .refused(.unknownTopicOrPartition, nil)
        }
        guard broker.topics.takesBatches(topic) else {
            return .refused(
                .topicAuthorizationFailed,
                "\(name) is the service's own topic: events come by HTTP, where they are checked (Kafka.WritableTopics allows it)"
            )
        }
        return .topic(topic, handle)
    }

    private func outcome(
        _ partition: ProduceRequest.Partition, _ target: Target, _ bytes: UnsafeRawBufferPointer, _ now: Int64,
        allowsZstandard: Bool,
        _ reader: inout RecordBatchReader, _ entries: inout [BatchGroup.Entry]
    ) -> Outcome {
        switch target {
        case .refused(let code, let message): return .refused(code, message)
        case .topic(let topic, let handle):
            guard (0..<topic.partitionCount).contains(Int(partition.partition)) else {
                return .refused(.unknownTopicOrPartition, nil)
            }
            guard case .place(let place) = partition.records else { return .refused(.invalidRecord, "there is no batch") }
            let batch = UnsafeRawBufferPointer(rebasing: bytes[place])
            let check = BatchCheck(
                messageBytesMax: broker.limits.messageBytesMax, latestTimestamp: now + broker.limits.timestampAheadMax,
                hasher: topic.keepsIdentities ? broker.log.identityHasher : nil, allowsZstandard: allowsZstandard)
            do throws(BatchCheck.Refusal) {
                let passed = try check.check(batch, &reader)
                entries.append(
                    BatchGroup.Entry(
                        topic: handle, partition: partition.partition, start: place.lowerBound, header: passed.header,
                        identities: passed.identities))
                return .appended(entries.count - 1)
            } catch {
                return .refused(error.code, error.message)
            }
        }
    }

    // MARK: Answering

    private func answered(_ places: [Place], _ receipts: [BatchReceipt], _ acks: Int16, _ header: RequestHeader) -> Answer {
        var response = ProduceResponse()
        var failure: String?
        for place in places {
            var partition = ProduceResponse.Partition()
            partition.partition = place.partition
            switch place.outcome {
            case .refused(let code, let message):
                partition.error = code
                partition.errorMessage = message
            case .appended(let number): fill(&partition, receipts[number], place)
            }
            if partition.error != .none {
                partition.baseOffset = -1
                failure = failure ?? "\(place.topic)-\(place.partition): error \(partition.error.rawValue)"
            }
            if response.topics.last?.name != place.topic {
                var topic = ProduceResponse.Topic()
                topic.name = place.topic
                response.topics.append(topic)
            }
            response.topics[response.topics.count - 1].partitions.append(partition)
        }
        if acks == 0 {
            // Nobody waits for an answer; that something is wrong can be told by nothing but the connection's end.
            return failure.map { .close("a request without acknowledgements failed: \($0)") } ?? .none
        }
        return Answer(response, to: header)
    }

    private func fill(_ partition: inout ProduceResponse.Partition, _ receipt: BatchReceipt, _ place: Place) {
        switch receipt {
        case .stored(let baseOffset, let appendTime, _):
            partition.baseOffset = baseOffset
            partition.logAppendTimeMilliseconds = appendTime ?? -1
            if let bounds = broker.partition(place.topic, place.partition).flatMap({ try? broker.log.bounds(of: $0) }) {
                partition.logStartOffset = bounds.start.value
            }
        case .refused(let refusal):
            partition.errorMessage = refusal.description
            partition.error =
                switch refusal {
                case .outOfOrder: .outOfOrderSequenceNumber
                case .fenced: .invalidProducerEpoch
                case .tooOld: .duplicateSequenceNumber
                }
        case .failed(let error):
            partition.error = KafkaErrorCode(error)
            partition.errorMessage = error.message
        }
    }
}

package import EventLog
package import EventModel
internal import Telemetry
internal import RecordFormat

/// The write path: decode, check, deduplicate, splice, append. `prepare` runs on the caller's thread and never blocks;
/// neither does `commit`, which calls back when the log has answered.
package final class IngestPipeline: Sendable {
    private let log: any LogWriter
    private let deduplicator: Deduplicator
    private let shared: (any SharedDeduplication)?
    private let keys: WriteKeyRing
    private let limits: IngestLimits
    private let topic: TopicName
    private let surroundings: RequestAssembly.Surroundings
    private let now: @Sendable () -> Int64
    private let workspaces = DecodeWorkspaces()
    package let meters = PipelineMeters()

    /// - Parameters:
    ///   - shared: what other collectors have; nil: there are none.
    ///   - now: milliseconds since 1970.
    package init(
        log: any LogWriter, hasher: RecordIdentityHasher, deduplicator: Deduplicator,
        shared: (any SharedDeduplication)? = nil, keys: WriteKeyRing,
        limits: IngestLimits, catalogue: CurrentCatalogue, enricher: Enricher, limiter: RateLimiter, ledger: Ledger,
        topic: TopicName, rejectedTopic: TopicName,
        now: @escaping @Sendable () -> Int64
    ) {
        guard let raw = log.topic(named: topic), let rejected = log.topic(named: rejectedTopic) else {
            preconditionFailure("the log was opened with both topics")
        }
        self.log = log
        self.deduplicator = deduplicator
        self.shared = shared
        self.keys = keys
        self.limits = limits
        self.topic = topic
        surroundings = RequestAssembly.Surroundings(
            keys: keys, limits: limits, raw: raw, rejected: rejected, hasher: hasher, deduplicator: deduplicator,
            catalogue: catalogue, enricher: enricher, limiter: limiter, ledger: ledger)
        self.now = now
    }

    // MARK: Preparing

    /// Decodes `body`, reserves the messageIds and builds the records. A request that was prepared must be committed.
    package func prepare(
        _ request: IngestRequest, body: UnsafeRawBufferPointer
    ) throws(IngestError) -> PreparedRequest {
        let begunAt = SteadyClock.nanoseconds()
        let limits = limits.at(request.endpoint)
        guard body.count <= limits.payloadBytes else {
            throw IngestError(.payloadTooLarge, "the body has \(body.count) bytes, the most is \(limits.payloadBytes)")
        }
        // A key outside the body is checked before any work is done for the body.
        var writeKey: WriteKey?
        if let candidate = request.writeKey { writeKey = try keys.authorize(candidate, origin: request.origin) }
        let receivedAt = now()
        let decoder = RequestDecoder(shape: request.endpoint.shape, limits: limits)
        return try workspaces.with { workspace throws(IngestError) in
            var assembly = RequestAssembly(
                request, writeKey: writeKey, receivedAt: receivedAt, surroundings, in: workspace.assembly)
            try decoder.decode(body, request.encoding, in: &workspace, for: &assembly)
            var prepared = assembly.finish()
            prepared.begunAt = begunAt
            meters.batchSize.record(prepared.events.count)
            return prepared
        }
    }

    /// The same for an event that was rejected before. It was authorized and limited then; where it is rejected again, nothing is
    /// written.
    ///
    /// - Parameter messageID: for an event without one.
    package func prepare(_ rejected: RejectedEvent, messageID: String) throws(IngestError) -> PreparedRequest {
        var request = IngestRequest(
            endpoint: rejected.endpoint, writeKey: nil, clientAddress: rejected.clientAddress, userAgent: rejected.userAgent)
        request.earlier = IngestRequest.Earlier(
            receivedAt: rejected.receivedAt, sentAt: rejected.sentAt, writeKeyName: rejected.writeKeyName, messageID: messageID)
        var limits = limits
        limits.inflatedBytes = max(limits.inflatedBytes, rejected.bytes.count)
        let decoder = RequestDecoder(shape: .whatever, limits: limits)
        let writeKey = keys.named(rejected.writeKeyName)
        let receivedAt = now()
        return try workspaces.with { workspace throws(IngestError) in
            var assembly = RequestAssembly(
                request, writeKey: writeKey, receivedAt: receivedAt, surroundings, in: workspace.assembly)
            try rejected.bytes.withUnsafeBytes { bytes in
                Result { () throws(IngestError) in try decoder.decode(bytes, .identity, in: &workspace, for: &assembly) }
            }.get()
            return assembly.finish()
        }
    }

    // MARK: Committing

    /// Appends the records, settles the messageIds, and waits for those that other requests are writing. Then `completion` is
    /// called once, on `executor`: with `unavailable` where any event's outcome is unknown or the log took it not; the client
    /// repeats the request.
    package func commit(
        _ prepared: PreparedRequest, on executor: some RequestExecutor,
        completion: @escaping @Sendable (Result<IngestReport, IngestError>) -> Void
    ) {
        @Sendable func append(_ prepared: PreparedRequest) {
            let commit = Commit(pipeline: self, prepared: prepared, executor: executor, completion: completion)
            log.append(prepared.group) { commit.answered($0) }
        }
        guard let shared else { return append(prepared) }
        shared.claim(prepared.written.map(\.id)) { append(prepared.claimed($0)) }
    }

    /// A request that the log has, or waits for another one.
    private final class Commit<Executor: RequestExecutor>: Sendable {
        let pipeline: IngestPipeline
        let prepared: PreparedRequest
        let executor: Executor
        let completion: @Sendable (Result<IngestReport, IngestError>) -> Void

        init(
            pipeline: IngestPipeline, prepared: PreparedRequest, executor: Executor,
            completion: @escaping @Sendable (Result<IngestReport, IngestError>) -> Void
        ) {
            self.pipeline = pipeline
            self.prepared = prepared
            self.executor = executor
            self.completion = completion
        }

        func answered(_ receipt: AppendReceipt) {
            // Here, where receipts come in the order of the offsets.
            pipeline.surroundings.ledger.committed(prepared, receipt, raw: pipeline.surroundings.raw.handle)
            executor.execute {
                self.pipeline.settle(self.prepared, receipt)
                self.complete(receipt, fromEvent: 0)
            }
        }

        /// Completes the request when all others are settled that write what it repeats; of those before `first` it is known.
        private func complete(_ receipt: AppendReceipt, fromEvent first: Int) {
            for index in first..<prepared.events.count {
                guard case .inFlight(let other, _) = prepared.events[index].fate, !other.isSettled else { continue }
                return other.whenSettled {
                    self.executor.execute { self.complete(receipt, fromEvent: index + 1) }
                }
            }
            if !prepared.isRetry {
                pipeline.meters.processingTime.record(Int((SteadyClock.nanoseconds() - prepared.begunAt) / 1000))
            }
            completion(Result { () throws(IngestError) in try pipeline.report(prepared, receipt) })
        }
    }

    /// What the client is told. Counts what has not been counted yet: what the log has taken has.
    private func report(_ prepared: PreparedRequest, _ receipt: AppendReceipt) throws(IngestError) -> IngestReport {
        var report = IngestReport()
        var failure: String?
        /// Types of the events that are in no log.
        var (duplicates, others): ([Int], [Int]) = ([], [])
        for (index, event) in prepared.events.enumerated() {
            switch event.fate {
            case .written(let entry):
                guard receipt.offsets[entry] >= 0 else {
                    others.append(event.type)
                    continue
                }
                report.accepted += 1
                if prepared.wantsReceipts { report.add(index, event, .stored, place(entry, prepared, receipt)) }
            case .rejected(let violations, let entry):
                guard receipt.offsets[entry] >= 0 else {
                    others.append(event.type)
                    continue
                }
                report.rejected += 1
                report.add(index, event, .rejected, nil, violations)
            case .rejectedAgain(let violations):
                report.rejected += 1
                report.add(index, event, .rejected, nil, violations)
            case .duplicate(let partition, let offset):
                duplicates.append(event.type)
                report.duplicates += 1
                report.add(index, event, .duplicate, .init(partition: partition, offset: offset))
            case .inFlight(let other, let otherEvent):
                var place: IngestReport.Place?
                switch other.outcome(ofEvent: otherEvent) {
                case .stored(let partition, let offset): place = .init(partition: partition, offset: offset)
                case .storedElsewhere: place = nil
                default:
                    others.append(event.type)
                    failure = "an event with the same messageId could not be written"
                    continue
                }
                duplicates.append(event.type)
                report.duplicates += 1
                report.add(index, event, .duplicate, place)
            case .storedElsewhere:
                duplicates.append(event.type)
                report.duplicates += 1
                report.add(index, event, .duplicate, nil)
            case .pendingElsewhere:
                others.append(event.type)
                failure = "another collector may be writing an event with the same messageId"
            case .undecided:
                others.append(event.type)
                failure = "an earlier write of the same messageId failed; a restart decides whether it is stored"
            }
        }
        // What was received is counted once.
        if prepared.isRetry { (duplicates, others) = ([], []) }
        if let failure = receipt.failures.first?.message ?? failure {
            // Of such an answer the client believes nothing, and sends all of it again.
            surroundings.ledger.count(.unavailable, ofTypes: duplicates + others, keyNumber: prepared.keyNumber)
            throw IngestError(.unavailable, "\(failure); send the request again with the same messageIds")
        }
        surroundings.ledger.count(.duplicate, ofTypes: duplicates, keyNumber: prepared.keyNumber)
        return report
    }

    private func settle(_ prepared: PreparedRequest, _ receipt: AppendReceipt) {
        // Refused before anything was written: the ids are free again. Otherwise only a restart knows.
        let unknown =
            receipt.failures.isEmpty ? [] : Set(receipt.failures.filter { $0.code == .outcomeUnknown }.map(\.partition))
        if let shared { settle(prepared, receipt, unknown, shared) }
        deduplicator.settle(prepared.reservations) { event in
            let number: Int
            switch prepared.events[event].fate {
            case .written(let entry): number = entry
            case .storedElsewhere: return .storedElsewhere
            default: return .released
            }
            let entry = prepared.group.entries[number]
            let offset = receipt.offsets[number]
            if offset >= 0 { return .stored(partition: Int(entry.partition), offset: offset) }
            let place = TopicPartition(topic, PartitionID(Int(entry.partition)))
            return unknown.contains(place) ? .undecided : .released
        }
    }

    /// What was written is told to the others, and what surely was not. Of what is not known only a restart could tell; its claim lapses.
    private func settle(
        _ prepared: PreparedRequest, _ receipt: AppendReceipt, _ unknown: Set<TopicPartition?>, _ shared: any SharedDeduplication
    ) {
        var (stored, refused): ([[UInt8]], [[UInt8]]) = ([], [])
        for (_, entry, id) in prepared.written {
            if receipt.offsets[entry] >= 0 {
                stored.append(id)
            } else if !unknown.contains(TopicPartition(topic, PartitionID(Int(prepared.group.entries[entry].partition)))) {
                refused.append(id)
            }
        }
        shared.confirm(stored)
        shared.release(refused)
    }

    private func place(_ entry: Int, _ prepared: PreparedRequest, _ receipt: AppendReceipt) -> IngestReport.Place {
        .init(partition: Int(prepared.group.entries[entry].partition), offset: receipt.offsets[entry])
    }
}

extension IngestReport {
    fileprivate mutating func add(
        _ index: Int, _ event: PreparedRequest.Event, _ status: Status, _ place: Place?,
        _ violations: [EventViolation] = []
    ) {
        results.append(
            Result(index: index, messageID: event.messageID, status: status, place: place, violations: violations))
    }
}

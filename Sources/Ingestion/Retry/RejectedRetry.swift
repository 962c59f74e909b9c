package import EventLog
internal import EventModel
internal import RecordFormat
internal import Synchronization

/// Puts rejected events through the pipeline again: after a schema was mended, they are stored as if they came now, with the time, the
/// address and the user agent that they came with.
///
/// Nothing is remembered of what was put through. Every event has a messageId, its own or one that follows from its offset, and the log
/// tells which of these it has: from as long before the event was received as the deduplication window reaches. So however often it is
/// asked for, and whatever crashes in between, an event is stored once. Where retention has removed what the log would have to tell, the
/// event is not put through, unless that was asked for. One that is rejected again stays where it is.
package struct RejectedRetry: Sendable {
    package struct Request: Sendable {
        /// Offsets of the topic of rejected events; nil: to its end.
        package var from: Int64
        package var to: Int64?
        /// Only events of this name.
        package var name: String?
        /// Also those of which the log can no longer tell whether they are stored.
        package var evenUndecided: Bool

        package init(from: Int64 = 0, to: Int64? = nil, name: String? = nil, evenUndecided: Bool = false) {
            self.from = from
            self.to = to
            self.name = name
            self.evenUndecided = evenUndecided
        }
    }

    /// Of one call, so that it ends in seconds and its memory is bounded.
    private static let recordsMax = 20_000
    private static let bytesMax = 64 << 20
    private static let readBytes = 64 << 10
    private static let rejectionsMax = 100
    /// Prepared and committed together.
    private static let roundCount = 256

    private let reader: any LogReader
    private let pipeline: IngestPipeline
    private let topic: TopicName
    /// Of the rejected events.
    private let partition: TopicPartition
    private let hasher: RecordIdentityHasher
    private let windowSeconds: UInt32
    /// Which of these the topic of events has, of the time since (in seconds since 1970).
    private let stored: @Sendable (_ among: Set<RecordIdentity>, _ since: UInt32) async throws(LogError) -> Set<RecordIdentity>

    package init(
        reader: any LogReader, pipeline: IngestPipeline, topic: TopicName, rejectedTopic: TopicName, hasher: RecordIdentityHasher,
        windowSeconds: UInt32,
        stored: @escaping @Sendable (Set<RecordIdentity>, UInt32) async throws(LogError) -> Set<RecordIdentity>
    ) {
        self.reader = reader
        self.pipeline = pipeline
        self.topic = topic
        partition = TopicPartition(rejectedTopic, PartitionID(0))
        self.hasher = hasher
        self.windowSeconds = windowSeconds
        self.stored = stored
    }

    /// Goes through some thousands of records; `next` of the report says where to go on.
    ///
    /// - Throws: `LogError` where the log cannot be read, `IngestError` where it cannot be written; what was stored is, and asking again
    ///   goes on behind it.
    package func run(_ request: Request) async throws -> RetryReport {
        var report = RetryReport()
        let events = try await read(request, &report)
        let pending = try await pending(events, request.evenUndecided, &report)
        for start in stride(from: 0, to: pending.count, by: Self.roundCount) {
            try await put(pending[start..<min(start + Self.roundCount, pending.count)], &report)
        }
        return report
    }

    // MARK: Reading

    private func read(_ request: Request, _ report: inout RetryReport) async throws -> [RejectedEvent] {
        let bounds = try reader.bounds(of: partition)
        report.end = min(request.to ?? .max, bounds.highWatermark.value)
        report.next = max(request.from, bounds.start.value)
        let piece = Piece(request.name)
        var batches = RecordBatchReader()
        while report.next < report.end, !piece.isFull {
            let bytes = try await reader.read(partition, from: Offset(report.next), maximumBytes: Self.readBytes)
            var place = 0
            while place < bytes.count, report.next < report.end, !piece.isFull {
                place += try piece.add(bytes, at: place, &report.next, before: report.end, &batches)
            }
        }
        report.examined = piece.examined
        report.next = max(report.next, min(request.from, report.end))
        return piece.events
    }

    /// What one call goes through.
    private final class Piece {
        private let name: ExactText?
        private(set) var events: [RejectedEvent] = []
        private(set) var examined = 0
        private var byteCount = 0

        init(_ name: String?) { self.name = name.map(ExactText.init) }

        var isFull: Bool { examined >= RejectedRetry.recordsMax || byteCount >= RejectedRetry.bytesMax }

        /// Adds records of a batch from `next` on, until it is full, and moves `next` behind them; returns the batch's length.
        func add(
            _ bytes: [UInt8], at place: Int, _ next: inout Int64, before end: Int64, _ reader: inout RecordBatchReader
        ) throws(RecordFormatError) -> Int {
            var position = next
            let read = bytes.withUnsafeBytes { bytes in
                Result { () throws(RecordFormatError) in
                    let batch = UnsafeRawBufferPointer(rebasing: bytes[place...])
                    let header = try RecordBatchHeader(reading: batch)
                    try reader.forEachRecord(in: batch, header: header) { record in
                        guard record.offset >= position, record.offset < end, !isFull else { return }
                        add(record)
                        position = record.offset + 1
                    }
                    // Of a marker there are none.
                    if !isFull { position = min(header.nextOffset, end) }
                    return header.totalBytes
                }
            }
            let length = try read.get()
            next = position
            return length
        }

        private func add(_ record: RecordView) {
            examined += 1
            if let name {
                guard let own = record.header("event"), ExactText(String(decoding: own, as: UTF8.self)) == name else { return }
            }
            let event = RejectedEvent(record)
            byteCount += event.bytes.count
            events.append(event)
        }
    }

    /// Those that the log does not have.
    private func pending(
        _ events: [RejectedEvent], _ evenUndecided: Bool, _ report: inout RetryReport
    ) async throws -> [RejectedEvent] {
        guard let oldest = events.map(\.receivedAt).min() else { return [] }
        let identities = events.map { identity(of: messageID(of: $0)) }
        let found = try await stored(Set(identities), since(oldest))
        var pending = zip(events, identities).filter { !found.contains($1) }.map(\.0)
        report.alreadyStored += events.count - pending.count
        if evenUndecided { return pending }
        // Behind what was read: retention may have gone on meanwhile.
        let complete = try await completeSince()
        pending.removeAll { event in
            guard let key = event.key else { return false }
            let partition = key.withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: complete.count) }
            return since(event.receivedAt) < complete[partition]
        }
        report.undecided = events.count - report.alreadyStored - pending.count
        return pending
    }

    /// From when on a copy of an event may be stored that was received at `milliseconds`: it may have been a duplicate of an earlier one.
    private func since(_ milliseconds: Int64) -> UInt32 {
        let seconds = UInt32(clamping: milliseconds / 1000)
        return seconds &- min(seconds, windowSeconds)
    }

    /// For each partition of the topic of events the second from which on it has all that it ever got.
    private func completeSince() async throws -> [UInt32] {
        let count = reader.topics.first { $0.name == topic }?.partitionCount ?? 0
        var seconds: [UInt32] = []
        for number in 0..<count {
            let partition = TopicPartition(topic, PartitionID(number))
            let bounds = try reader.bounds(of: partition)
            if bounds.start.value == 0 {
                seconds.append(0)
            } else {
                seconds.append(try await firstSecond(partition, bounds) ?? .max)
            }
        }
        return seconds
    }

    /// Of its first record that is left; nil where there is none. Of the second itself some may have been removed.
    private func firstSecond(_ partition: TopicPartition, _ bounds: OffsetBounds) async throws -> UInt32? {
        let bytes = try await reader.read(partition, from: bounds.start, maximumBytes: Self.readBytes)
        guard !bytes.isEmpty else { return nil }
        let header = try bytes.withUnsafeBytes { bytes in
            Result { () throws(RecordFormatError) in try RecordBatchHeader(reading: bytes) }
        }.get()
        return UInt32(clamping: header.firstTimestamp / 1000 + 1)
    }

    private func messageID(of event: RejectedEvent) -> String { event.messageID ?? madeID(offset: event.offset) }

    /// The id of an event without one. Nobody outside can know it before it is used: the key is secret.
    private func madeID(offset: Int64) -> String {
        let word = identity(of: "\(partition)@\(offset)").high
        let digits = String(word, radix: 16)
        return "rejected-\(offset)-" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    private func identity(of messageID: String) -> RecordIdentity {
        var messageID = messageID
        return messageID.withUTF8 { hasher.identity(of: UnsafeRawBufferPointer($0)) }
    }

    // MARK: Putting through

    private func put(_ events: ArraySlice<RejectedEvent>, _ report: inout RetryReport) async throws {
        let outcomes = await commit(
            events.map { event in
                Result { () throws(IngestError) in try pipeline.prepare(event, messageID: messageID(of: event)) }
            })
        for (event, outcome) in zip(events, outcomes) {
            let result: IngestReport
            switch outcome {
            case .success(let report): result = report
            case .failure(let error) where error.code == .unavailable: throw error
            case .failure(let error):
                // It is one that cannot be read at all, and keeps no other back.
                report.rejected += 1
                if report.rejections.count < Self.rejectionsMax {
                    let violation = EventViolation(path: "", keyword: error.code.rawValue, message: error.message)
                    report.rejections.append(.init(offset: event.offset, violations: [violation]))
                }
                continue
            }
            report.stored += result.accepted
            report.alreadyStored += result.duplicates
            report.rejected += result.rejected
            for rejection in result.results where rejection.status == .rejected && report.rejections.count < Self.rejectionsMax {
                report.rejections.append(.init(offset: event.offset, violations: rejection.violations))
            }
        }
    }

    /// In their order, so that a user's events are stored in it, and of two with the same messageId the first.
    private func commit(_ requests: [Result<PreparedRequest, IngestError>]) async -> [Result<IngestReport, IngestError>] {
        await withCheckedContinuation { continuation in
            let answers = Answers(count: requests.count) { continuation.resume(returning: $0) }
            for (index, request) in requests.enumerated() {
                switch request {
                case .failure(let error): answers.set(index, .failure(error))
                case .success(let request): pipeline.commit(request, on: CallersThread()) { answers.set(index, $0) }
                }
            }
        }
    }
}

/// What requests are answered, until all are.
private final class Answers: Sendable {
    typealias Answer = Result<IngestReport, IngestError>

    private let state: Mutex<(answers: [Answer?], missing: Int)>
    private let completion: @Sendable ([Answer]) -> Void

    /// - Parameter count: at least 1.
    init(count: Int, completion: @escaping @Sendable ([Answer]) -> Void) {
        state = Mutex((Array(repeating: nil, count: count), count))
        self.completion = completion
    }

    func set(_ index: Int, _ answer: Answer) {
        let all: [Answer]? = state.withLock { state in
            state.answers[index] = answer
            state.missing -= 1
            return state.missing == 0 ? state.answers.compactMap(\.self) : nil
        }
        if let all { completion(all) }
    }
}

/// Goes on wherever it is told to: what follows is short.
private struct CallersThread: RequestExecutor {
    func execute(_ work: @escaping @Sendable () -> Void) { work() }
}

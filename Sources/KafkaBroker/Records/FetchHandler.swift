internal import EventLog
internal import KafkaProtocol
internal import LogStorage
internal import NIOCore
internal import Synchronization

/// Gives records to clients: the segments' own bytes. Where there are too few, it waits for more.
///
/// What is acknowledged and waits for others to fill its batch is not waited for, nor hurried: it is there within the log's linger. When the time
/// of a request is over, it is written to be read.
final class FetchHandler: RequestHandler {
    private struct Waiting: Sendable {
        let fetch: Fetch
        let timeout: Scheduled<Void>
    }

    private struct Fetch: Sendable {
        let message: FetchRequest
        let header: RequestHeader
        let user: User
        let deadline: NIODeadline
        let answer: @Sendable (Answer) -> Void
    }

    private struct State {
        var waiting: [Int: Waiting] = [:]
        var nextNumber = 0
    }

    private let broker: Broker
    private let state = Mutex(State())
    private let timers: any EventLoop
    private let waker = Mutex<Task<Void, Never>?>(nil)
    private let buffers = AnswerBuffers()
    /// Raised when a request begins to wait.
    private let arrivals = GrowthSignal()

    /// - Parameter timers: whose clock wakes those whose time is over.
    init(broker: Broker, timers: any EventLoop) {
        self.broker = broker
        self.timers = timers
    }

    /// Begins to watch the log grow, while somebody waits for that.
    func start() {
        waker.withLock { waker in
            waker = Task { [weak self, arrivals, growth = broker.log.growth] in
                while !Task.isCancelled {
                    let (arrived, grown) = (arrivals.count, growth.count)
                    guard let isWaitedFor = self?.wakeThoseWhoHaveMore() else { return }
                    if isWaitedFor { await growth.wait(beyond: grown) } else { await arrivals.wait(beyond: arrived) }
                }
            }
        }
    }

    func stop() { waker.withLock { $0?.cancel() } }

    /// Requests that wait.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    func handle(_ message: FetchRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        if message.sessionID != 0 {
            // There are no sessions: each request names all that it wants.
            var response = FetchResponse()
            response.error = .fetchSessionIDNotFound
            return answer(Answer(response, to: request.header))
        }
        let wait = max(0, min(message.maxWaitMilliseconds, broker.limits.fetchWaitMax))
        let fetch = Fetch(
            message: message, header: request.header, user: request.client.user,
            deadline: .now() + .milliseconds(Int64(wait)), answer: answer)
        broker.onWorker { self.serve(fetch) }
    }

    // MARK: Waiting

    private func serve(_ fetch: Fetch) {
        let seen = broker.log.growth.count
        let isOver = NIODeadline.now() >= fetch.deadline
        if let answer = read(fetch, isOver: isOver) { return fetch.answer(answer) }
        let number = state.withLock { state in
            defer { state.nextNumber += 1 }
            return state.nextNumber
        }
        let timeout = timers.scheduleTask(deadline: fetch.deadline) { self.wake(number) }
        state.withLock { $0.waiting[number] = Waiting(fetch: fetch, timeout: timeout) }
        arrivals.raise()
        // It may have grown, or the time be over, before it was there to be woken.
        if broker.log.growth.count != seen || NIODeadline.now() >= fetch.deadline { wake(number) }
    }

    private func wake(_ number: Int) {
        guard let waiting = state.withLock({ $0.waiting.removeValue(forKey: number) }) else { return }
        waiting.timeout.cancel()
        broker.onWorker { self.serve(waiting.fetch) }
    }

    /// Returns whether there is somebody who waits.
    private func wakeThoseWhoHaveMore() -> Bool {
        let waiting = state.withLock { $0.waiting }
        for (number, waiting) in waiting where hasMore(waiting.fetch.message) { wake(number) }
        return !waiting.isEmpty
    }

    /// Whether there is something at rest that a request wants.
    private func hasMore(_ message: FetchRequest) -> Bool {
        message.topics.contains { topic in
            topic.partitions.contains { wanted in
                guard let partition = broker.partition(topic.name, wanted.partition),
                    let bounds = try? broker.log.bounds(of: partition)
                else { return true }
                return bounds.settled.value > wanted.fetchOffset
            }
        }
    }

    // MARK: Reading

    /// nil: there is too little, and it is waited for more.
    private func read(_ fetch: Fetch, isOver: Bool) -> Answer? {
        let wanted = max(0, min(Int(fetch.message.maxBytes), broker.limits.fetchBytesMax))
        let held = broker.memory.takeUpTo(wanted, atLeast: 0)
        var response = FetchResponse()
        // All records of the answer, and where those of each partition are.
        var (records, places) = (buffers.take(), [Range<Int>]())
        var (recordCount, hasError) = (0, false)
        for wantedTopic in fetch.message.topics {
            var topic = FetchResponse.Topic()
            topic.name = wantedTopic.name
            for wantedPartition in wantedTopic.partitions {
                let start = records.writerIndex
                var (partition, count) = read(
                    wantedTopic.name, wantedPartition, fetch.user, room: max(0, held - start), settles: isOver, into: &records)
                hasError = hasError || partition.error != .none
                recordCount += count
                places.append(start..<records.writerIndex)
                partition.records = .elsewhere(byteCount: records.writerIndex - start)
                topic.partitions.append(partition)
            }
            response.topics.append(topic)
        }
        let byteCount = records.readableBytes
        guard byteCount >= fetch.message.minBytes || hasError || isOver else {
            broker.memory.give(held)
            buffers.give(records)
            return nil
        }
        broker.log.noteRead(recordCount)
        // At least a batch is given, also where there was no room for it.
        if byteCount > held {
            _ = broker.memory.takeUpTo(byteCount - held, atLeast: byteCount - held)
        } else {
            broker.memory.give(held - byteCount)
        }
        let pieces = places.map { place in
            guard let piece = records.getSlice(at: place.lowerBound, length: place.count) else {
                preconditionFailure("it was read")
            }
            return piece
        }
        var answer = Answer(response, to: fetch.header, records: pieces)
        answer.onDone = { [broker, buffers, records] in
            broker.memory.give(byteCount)
            buffers.give(records)
        }
        return answer
    }

    /// Appends a partition's records to `records`; says what else there is to say of it, and how many they are.
    private func read(
        _ topic: String, _ wanted: FetchRequest.Partition, _ user: User, room: Int, settles: Bool, into records: inout ByteBuffer
    ) -> (FetchResponse.Partition, recordCount: Int) {
        var found = FetchResponse.Partition()
        found.partition = wanted.partition
        found.highWatermark = -1
        guard user.mayRead(topic) else {
            found.error = .topicAuthorizationFailed
            return (found, 0)
        }
        guard let partition = broker.partition(topic, wanted.partition) else {
            found.error = .unknownTopicOrPartition
            return (found, 0)
        }
        guard wanted.currentLeaderEpoch <= Broker.leaderEpoch else {
            found.error = .unknownLeaderEpoch
            return (found, 0)
        }
        do throws(LogError) {
            let bounds = try broker.log.bounds(of: partition)
            found.highWatermark = bounds.highWatermark.value
            found.lastStableOffset = bounds.highWatermark.value
            found.logStartOffset = bounds.start.value
            let offset = Offset(wanted.fetchOffset)
            guard offset >= bounds.start, offset <= bounds.highWatermark else {
                found.error = .offsetOutOfRange
                return (found, 0)
            }
            // The first batch of an answer is given however large it is.
            let start = records.writerIndex
            guard offset < (settles ? bounds.highWatermark : bounds.settled), start == 0 || room > 0 else { return (found, 0) }
            try broker.log.readNow(
                partition, from: offset, maximumBytes: max(0, min(Int(wanted.partitionMaxBytes), room)), into: &records)
            guard start == 0 || records.writerIndex - start <= room else {
                records.moveWriterIndex(to: start)
                return (found, 0)
            }
            let count = records.withUnsafeReadableBytes { bytes in
                EmbeddedLog.recordCount(UnsafeRawBufferPointer(rebasing: bytes[start...]), from: offset)
            }
            return (found, count)
        } catch {
            found.error = KafkaErrorCode(error)
            return (found, 0)
        }
    }
}

import Consumption
import EventLog
import RecordFormat
import Synchronization
import TestSupport
import Testing

@Suite struct ConsumerRunnerTests {
    private let log = MemoryLog(partitionCount: 3)
    private let consumer = RecordingConsumer(partitionCount: 3)
    private let notices = Notices()

    private final class Notices: Sendable {
        let all = Mutex<[String]>([])

        func tell(_ notice: ConsumerRunner.Notice) {
            let text =
                switch notice {
                case .failed: "failed"
                case .recovered: "recovered"
                case .setAside(let record): "set aside \(record.partition) \(record.offset) \(record.reason)"
                case .passedOver(let gap): "\(gap.cause) \(gap.partition) \(gap.offsets)"
                }
            all.withLock { $0.append(text) }
        }
    }

    private struct Broken: Error {}

    private func runner(_ feed: LogFeed? = nil) -> ConsumerRunner {
        ConsumerRunner(
            consumer, topic: log.topic, feed: feed ?? LogFeed(log), makeBackoff: { Backoff(first: .milliseconds(1)) },
            onNotice: notices.tell)
    }

    private func records(_ count: Int) -> [MemoryLog.Record] { (0..<count).map { MemoryLog.Record(key: "k\($0)") } }

    /// Runs until all that is there was taken, and then what the test wants to do meanwhile.
    private func running(_ runner: ConsumerRunner, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run() }
            try await body()
            group.cancelAll()
        }
        #expect(runner.status.activity == .stopped)
    }

    @Test func everyRecordComesOnceAndInOrder() async throws {
        let runner = runner()
        try await running(runner) {
            for _ in 0..<50 { log.append(records(20)) }
            #expect(await runner.reachEnd(atMost: patience))
        }
        #expect(consumer.taken.values.reduce(0) { $0 + $1.count } == 1000)
        for offsets in consumer.taken.values { #expect(offsets == Array(0..<Int64(offsets.count))) }
        #expect(runner.status.lag == 0 && runner.status.takenCount == 1000)
    }

    @Test func whatIsNotAtRestIsLeftUntilSomebodyWantsIt() async throws {
        let runner = runner()
        try await running(runner) {
            log.append(records(5), to: 0)
            log.append(records(7), to: 0, settling: false)
            while consumer.state.withLock({ $0.caughtUp }) < 2 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(consumer.taken[0]?.count == 5)
            #expect(runner.status.lag == 7)
            #expect(await runner.reachEnd(atMost: patience))
            #expect(consumer.taken[0]?.count == 12)
        }
    }

    @Test func itIsNotWaitedForLongerThanAsked() async throws {
        consumer.fail { _ in Broken() }
        log.append(records(1), to: 0)
        let runner = runner()
        try await running(runner) { #expect(await runner.reachEnd(atMost: .milliseconds(50)) == false) }
    }

    @Test func whoIsBehindRetentionStartsAtTheEarliestAndIsTold() async throws {
        for _ in 0..<4 { log.append(records(10), to: 1) }
        log.retain(from: 20, of: 1)
        let runner = runner()
        try await running(runner) { #expect(await runner.reachEnd(atMost: patience)) }
        #expect(consumer.taken[1] == Array(20..<40))
        #expect(runner.status.passedOver.gaps == [.retention: 20])
        #expect(notices.all.withLock { $0 } == ["retention 1 0..<20"])
    }

    @Test func aHoleIsSteppedOverAndCounted() async throws {
        log.append(records(3), to: 2)
        log.lose(100, of: 2)
        log.append(records(3), to: 2)
        let runner = runner()
        try await running(runner) { #expect(await runner.reachEnd(atMost: patience)) }
        #expect(consumer.taken[2] == [0, 1, 2, 103, 104, 105])
        #expect(consumer.passedOver.gaps == [.damage: 100])
        #expect(notices.all.withLock { $0 } == ["damage 2 3..<103"])
    }

    @Test func aPoisonousRecordIsSetAsideAndTheOthersGoOn() async throws {
        log.append(records(5), to: 0)
        log.append(records(5), to: 1)
        consumer.fail { delivery in
            var isThere = false
            delivery.forEachRecord { partition, record in isThere = isThere || partition.number == 1 && record.offset == 3 }
            return isThere ? PoisonRecord(partition: PartitionID(1), offset: 3, reason: "bitter") : nil
        }
        let runner = runner()
        try await running(runner) { #expect(await runner.reachEnd(atMost: patience)) }
        #expect(consumer.taken == [0: [0, 1, 2, 3, 4], 1: [0, 1, 2, 4]])
        #expect(runner.status.passedOver.setAside == 1)
        #expect(consumer.state.withLock { $0.attempts } == 4)
        #expect(notices.all.withLock { $0 } == ["failed", "failed", "failed", "set aside 1 3 bitter", "recovered"])
    }

    @Test func twoPoisonousRecordsOfOneBatchAreBothSetAside() async throws {
        log.append(records(5), to: 0)
        consumer.fail { delivery in
            var first: Int64?
            delivery.forEachRecord { _, record in if [1, 4].contains(record.offset) { first = first ?? record.offset } }
            return first.map { PoisonRecord(partition: PartitionID(0), offset: $0, reason: "bitter") }
        }
        let runner = runner()
        try await running(runner) { #expect(await runner.reachEnd(atMost: patience)) }
        #expect(consumer.taken == [0: [0, 2, 3]])
        #expect(runner.status.passedOver.setAside == 2)
    }

    @Test func whatFailsIsTriedUntilItSucceeds() async throws {
        log.append(records(5), to: 0)
        consumer.fail { _ in Broken() }
        let runner = runner()
        try await running(runner) {
            while runner.status.failureCount < 10 { try await Task.sleep(for: .milliseconds(1)) }
            guard case .retrying(let reason) = runner.status.activity else {
                Issue.record("it is \(runner.status.activity)")
                return
            }
            #expect(reason.contains("Broken"))
            consumer.fail(nil)
            #expect(await runner.reachEnd(atMost: patience))
        }
        #expect(consumer.taken == [0: [0, 1, 2, 3, 4]])
        #expect(notices.all.withLock { $0.last } == "recovered")
        #expect(runner.status.passedOver.setAside == 0)
    }

    @Test func aLogThatCannotBeReadIsTriedAgain() async throws {
        log.append(records(5), to: 0)
        log.fail(LogError(.io, "the disk is gone"))
        let runner = runner()
        try await running(runner) {
            while runner.status.failureCount < 3 { try await Task.sleep(for: .milliseconds(1)) }
            log.fail(nil)
            #expect(await runner.reachEnd(atMost: patience))
        }
        #expect(consumer.taken[0]?.count == 5)
    }

    @Test func consumersAtTheSamePlaceShareWhatIsRead() async throws {
        for _ in 0..<20 { log.append(records(10), to: 0) }
        let feed = LogFeed(log, readBytes: 1)
        let others = (0..<3).map { _ in RecordingConsumer(partitionCount: 3) }
        let runners = others.map { ConsumerRunner($0, topic: log.topic, feed: feed) }
        for runner in runners {
            try await running(runner) { #expect(await runner.reachEnd(atMost: patience)) }
        }
        for other in others { #expect(other.taken[0] == Array(0..<200)) }
        #expect(log.readCount == 20)
    }

    @Test func aFeedKeepsNoMoreThanItMay() async throws {
        for _ in 0..<20 { log.append(records(10), to: 0) }
        let partition = TopicPartition(log.topic.name, PartitionID(0))
        let feed = LogFeed(log, keptBytesMax: 1000, readBytes: 1)
        for _ in 0..<2 {
            var next: Int64 = 0
            while let batches = try await feed.read(partition, from: next) { next = batches.nextOffset! }
            #expect(next == 200)
        }
        #expect(log.readCount > 30)
    }
}

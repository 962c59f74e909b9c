import Consumption
import EventLog
import Foundation
import GRDB
import Projections
import Synchronization
import TestSupport
import Testing

/// Sessions of a log in memory and what is derived from them, with a clock that the test moves.
final class SessionsHarness {
    /// Stands where the test has set it.
    final class Clock: Sendable {
        /// Milliseconds since 1970.
        let time = Atomic<Int64>(0)
    }

    static let timeout: Int64 = 1_800_000
    static let delay: Int64 = 5000

    let log: MemoryLog
    var derived = MemoryLog(partitionCount: 2, name: "derived")
    let folder = TemporaryDirectory()
    let clock = Clock()
    var publishes = true

    init(partitionCount: Int = 3) { log = MemoryLog(partitionCount: partitionCount) }

    var file: String { "\(folder.path)/sessions.sqlite" }

    /// Runs until everything is taken, and what has ended by now is told.
    func run(at now: Int64, readingAtOnce: Int = 256 << 10) async throws {
        clock.time.store(now, ordering: .relaxed)
        let sessions = Sessions(
            folder: folder.path, topic: log.topic, hasher: HistoryHarness.hasher, timeout: Self.timeout, delay: Self.delay,
            now: { [clock] in clock.time.load(ordering: .relaxed) }, onAnew: { _ in })
        let runner = ConsumerRunner(sessions, topic: log.topic, feed: LogFeed(log, readBytes: readingAtOnce))
        let publisher = sessions.publisher(of: derived.topic, log: derived, onFailure: { _ in })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run() }
            if publishes { group.addTask { await publisher.run() } }
            #expect(await runner.reachEnd(atMost: patience))
            // Beyond what it has taken, everything that was due by now is told of.
            while true {
                if runner.status.activity == .following, try isDone() { break }
                try await Task.sleep(for: .milliseconds(1))
            }
            group.cancelAll()
            try await group.waitForAll()
        }
        sessions.close()
    }

    private func isDone() throws -> Bool {
        let due = clock.time.load(ordering: .relaxed) - Self.delay
        var left = try rows("SELECT 1 FROM sessions WHERE due < \(due)")
        if publishes {
            left += try rows("SELECT 1 FROM outbox")
            // Ends that the topic does not reach are still to be found out.
            for partition in 0..<derived.topic.partitionCount {
                let end = try derived.bounds(of: TopicPartition(derived.topic.name, PartitionID(partition))).highWatermark.value
                left += try rows("SELECT 1 FROM outbox_ends WHERE partition = \(partition) AND next > \(end)")
            }
        }
        return left.isEmpty
    }

    func rows(_ sql: String) throws -> [String] {
        let queue = try DatabaseQueue(path: file)
        defer { try? queue.close() }
        return try queue.read { try Row.fetchAll($0, sql: sql).map(\.description) }
    }

    /// All that the table holds of sessions.
    func content() throws -> [String] { try rows("SELECT * FROM sessions") + rows("SELECT * FROM positions") }

    struct Told: Codable, Equatable, Comparable {
        let event, messageId, sessionId, timestamp: String
        let userId, anonymousId: String?
        let duration: Double?

        static func < (a: Told, b: Told) -> Bool { (a.sessionId, a.event) > (b.sessionId, b.event) }
    }

    /// What is in the topic of derived events: by session, its start before its end.
    func told() throws -> [Told] {
        try derived.records().map { record in
            let told = try JSONDecoder().decode(Told.self, from: Data(record.value.utf8))
            #expect(record.event == told.event)
            #expect(record.key == told.userId ?? told.anonymousId)
            return told
        }.sorted()
    }

    func removeFiles() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
    }
}

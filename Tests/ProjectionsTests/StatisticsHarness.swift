import Consumption
import EventLog
import Foundation
import GRDB
import Projections
import Synchronization
import TestSupport
import Testing

/// Statistics of a log in memory, with a clock that the test sets.
final class StatisticsHarness {
    let log: MemoryLog
    let folder = TemporaryDirectory()
    let zone: TimeZone

    init(partitionCount: Int = 3, zone: String = "America/Santo_Domingo") {
        log = MemoryLog(partitionCount: partitionCount)
        self.zone = TimeZone(identifier: zone)!
    }

    struct Outcome {
        let report: StatisticsReport
        let setAside: Int64
    }

    /// Counts everything, and asks.
    ///
    /// - Parameter now: milliseconds since 1970.
    func ask(
        _ query: StatisticsQuery, now: Int64, readingAtOnce: Int = 256 << 10
    ) async throws -> Outcome {
        let statistics = Statistics(
            folder: folder.path, topic: log.topic, hasher: HistoryHarness.hasher, zone: zone, now: { now }, onAnew: { _ in })
        defer { statistics.close() }
        let runner = ConsumerRunner(
            statistics, topic: log.topic, feed: LogFeed(log, readBytes: readingAtOnce),
            makeBackoff: { Backoff(first: .milliseconds(1)) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await runner.run() }
            #expect(await runner.reachEnd(atMost: patience))
            while runner.status.activity != .following { try await Task.sleep(for: .milliseconds(1)) }
            let outcome = Outcome(report: try await statistics.report(query), setAside: statistics.passedOver.setAside)
            group.cancelAll()
            try await group.waitForAll()
            return outcome
        }
    }

    /// All rows of all tables.
    func content() throws -> [String] {
        let queue = try DatabaseQueue(path: "\(folder.path)/statistics.sqlite")
        defer { try? queue.close() }
        return try queue.read { database in
            try ["counts", "names", "uniques", "active", "positions"].flatMap { table in
                try Row.fetchAll(database, sql: "SELECT * FROM \(table)").map { row in
                    "\(table) " + row.databaseValues.map { Self.text($0) }.joined(separator: " ")
                }
            }
        }
    }

    private static func text(_ value: DatabaseValue) -> String {
        if case .blob(let data) = value.storage { data.base64EncodedString() } else { "\(value)" }
    }

    func removeFiles() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
    }
}

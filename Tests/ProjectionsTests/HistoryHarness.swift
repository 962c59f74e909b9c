import Consumption
import EventLog
import EventModel
import Foundation
import Projections
import Synchronization
import TestSupport
import Testing

/// A log in memory and what is made of it, stopped and started as a test wants.
final class HistoryHarness {
    static let hasher = RecordIdentityHasher(key: .init(k0: 1, k1: 2))

    let log: MemoryLog
    let folder = TemporaryDirectory()
    let runLength: Int64
    var hasher = HistoryHarness.hasher
    let anew = Told()

    /// Why files were made anew.
    final class Told: Sendable {
        private let reasons = Mutex<[String]>([])

        var all: [String] { reasons.withLock { $0 } }
        func tell(_ reason: String) { reasons.withLock { $0.append(reason) } }
    }

    init(partitionCount: Int = 3, runLength: Int64 = 16) {
        log = MemoryLog(partitionCount: partitionCount)
        self.runLength = runLength
    }

    struct Open {
        let index: UserIndex
        let aliases: Aliases
        let runners: [ConsumerRunner]
        let history: UserHistory

        /// All of a user's history, by pages; the offsets and partitions of its records.
        func all(_ user: String, _ change: (inout UserHistoryQuery) -> Void = { _ in }) async throws
            -> [UserHistoryPage.Event]
        {
            var query = UserHistoryQuery(user: user)
            query.limit = 7
            change(&query)
            var events: [UserHistoryPage.Event] = []
            repeat {
                let page = try await history.page(query, cut: LogCut(ends: runners[0].ends()))
                #expect(page.events.count <= query.limit)
                events += page.events
                query.cursor = page.nextCursor
            } while query.cursor != nil
            return events
        }

        /// Expects records of these times to be all of a user's history.
        func shows(
            _ user: String, _ times: [Int64], _ location: SourceLocation = #_sourceLocation,
            _ change: (inout UserHistoryQuery) -> Void = { _ in }
        ) async throws {
            let found = try await all(user, change).map(\.time)
            #expect(found == times, sourceLocation: location)
        }
    }

    /// Runs the projections until they have all, and then `body`; they end with it.
    func open<Result>(_ body: (Open) async throws -> Result) async throws -> Result {
        let onAnew: @Sendable (String) -> Void = anew.tell
        let index = UserIndex(folder: folder.path, topic: log.topic, hasher: hasher, runLength: runLength, onAnew: onAnew)
        let aliases = Aliases(folder: folder.path, topic: log.topic, hasher: hasher, onAnew: onAnew)
        let feed = LogFeed(log)
        let runners = [
            ConsumerRunner(index, topic: log.topic, feed: feed), ConsumerRunner(aliases, topic: log.topic, feed: feed),
        ]
        let open = Open(
            index: index, aliases: aliases, runners: runners,
            history: UserHistory(
                index: index, aliases: aliases, feed: LogFeed(log, readBytes: 1), topic: log.topic))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for runner in runners { group.addTask { await runner.run() } }
            for runner in runners { #expect(await runner.reachEnd(atMost: patience)) }
            let result = try await body(open)
            group.cancelAll()
            try await group.waitForAll()
            index.close()
            aliases.close()
            return result
        }
    }

    func removeFiles() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
    }
}

extension MemoryLog.Record {
    /// An event as the service stores it.
    static func event(
        _ name: String = "test", user: String? = nil, anonymous: String? = nil, previous: String? = nil, session: String? = nil,
        said: String? = nil, time: Int64
    ) -> MemoryLog.Record {
        var members: [String: String] = ["event": name]
        members["userId"] = user
        members["anonymousId"] = anonymous
        members["previousId"] = previous
        members["sessionId"] = session
        members["timestamp"] = said
        let json = try! JSONEncoder().encode(members)
        return .init(key: user ?? anonymous!, timestamp: time, value: String(decoding: json, as: UTF8.self), event: name)
    }
}

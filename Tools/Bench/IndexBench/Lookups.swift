import Consumption
import EventLog
import Foundation
import LogStorage
import Projections

/// The newest 100 events of users of about one rank, one look-up after the other.
struct Lookups {
    let topic: TopicDefinition
    let users: ZipfUsers
    private let history: UserHistory
    private let cut: LogCut

    private static let userCount = 200
    private static let rounds = 5

    init(log: EmbeddedLog, topic: TopicDefinition, index: UserIndex, aliases: Aliases, users: ZipfUsers) throws {
        self.topic = topic
        self.users = users
        // As the service has it.
        history = UserHistory(
            index: index, aliases: aliases, feed: LogFeed(log, keptBytesMax: 8 << 20, readBytes: 1), topic: topic)
        cut = LogCut(
            ends: try (0..<topic.partitionCount).map {
                try log.bounds(of: TopicPartition(topic.name, PartitionID($0))).highWatermark.value
            })
    }

    /// JSON: the percentiles in milliseconds.
    func measure(around rank: Int) async throws -> String {
        let first = max(1, min(rank - Self.userCount / 2, users.count - Self.userCount))
        let ranks = first..<min(users.count, first + Self.userCount)
        var (times, eventCount): ([Double], Int) = ([], 0)
        // The first round warms what the system keeps of the files.
        for round in 0...Self.rounds {
            for rank in ranks {
                let started = ContinuousClock.now
                let page = try await history.page(UserHistoryQuery(user: ZipfUsers.name(rank)), cut: cut)
                if round == 0 { continue }
                times.append((ContinuousClock.now - started) / .milliseconds(1))
                eventCount += page.events.count
            }
        }
        times.sort()
        func percentile(_ part: Double) -> Double { times[min(times.count - 1, Int(part * Double(times.count)))] }
        return """
            {"lookups":\(times.count),"events":\(Double(eventCount) / Double(times.count)),"p50_ms":\(percentile(0.5)),\
            "p99_ms":\(percentile(0.99)),"most_ms":\(times.last!)}
            """
    }
}

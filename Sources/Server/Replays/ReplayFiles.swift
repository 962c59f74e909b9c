internal import Consumption
internal import EventLog
internal import EventModel
internal import Foundation
internal import LogStorage
internal import Logging

/// Keeps each replay in a file of its own, which is replaced as a whole.
struct ReplayFiles: ReplayStore {
    static let folderName = "replays"
    private static let suffix = ".json"

    /// Above what any of these files can be.
    private static let byteCountMax = 16 << 20

    let folder: String
    let logger: Logger

    func load() async throws -> [Replay] {
        try await onThread { [self] in
            let fileSystem = PosixFileSystem()
            guard try fileSystem.exists(folder) else { return [] }
            return try fileSystem.list(folder).filter { $0.hasSuffix(Self.suffix) }.sorted().compactMap { name in
                let path = "\(folder)/\(name)"
                let bytes: [UInt8]
                do {
                    guard let found = try fileSystem.contents(of: path, byteCountMax: Self.byteCountMax) else { return nil }
                    bytes = found
                } catch {
                    logger.error(
                        "a replay is left out: its file cannot be read; mend that, and restart the service",
                        metadata: ["file": "\(path)", "reason": "\(error)"])
                    return nil
                }
                guard let replay = (try? JSONDecoder().decode(Stored.self, from: Data(bytes)))?.replay,
                    name == replay.plan.id + Self.suffix
                else {
                    logger.error(
                        "a replay is left out: its file is not what was written there; remove it, and ask for the replay again",
                        metadata: ["file": "\(path)"])
                    return nil
                }
                return replay
            }
        }
    }

    func save(_ replay: Replay) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        let bytes = Array(try encoder.encode(Stored(replay)))
        try await onThread { [self] in
            let fileSystem = PosixFileSystem()
            try fileSystem.makeFolder(folder)
            try fileSystem.replace(path(replay.plan.id), with: bytes)
        }
    }

    func remove(_ id: String) async throws {
        try await onThread { [self] in
            let fileSystem = PosixFileSystem()
            guard try fileSystem.exists(path(id)) else { return }
            try fileSystem.remove(path(id))
        }
    }

    private func path(_ id: String) -> String { "\(folder)/\(id)\(Self.suffix)" }

    /// The file's JSON.
    private struct Stored: Codable {
        struct Count: Codable {
            let event: String
            let count: Int64
        }

        let id: String
        let createdAt: Int64
        let source: String
        let ranges: [[Int64]]
        let events: [String]
        let userId: String?
        let target: String
        let eventsPerSecond: Int?
        let dryRun: Bool
        let state: String
        let positions: [Int64]
        let mark: [Int64]?
        let read, matched, written, missed: Int64
        let matchedByEvent: [Count]
        let startedAt, endedAt: Int64?
        let problem: String?

        init(_ replay: Replay) {
            let (plan, progress) = (replay.plan, replay.progress)
            (id, createdAt, target) = (plan.id, plan.createdAt, plan.target)
            source = plan.source.text
            ranges = plan.ranges.map { [$0.lowerBound, $0.upperBound] }
            (events, userId) = (plan.events, plan.user)
            (eventsPerSecond, dryRun) = (plan.eventsPerSecond, plan.isDry)
            (state, positions, mark) = (progress.state.rawValue, progress.positions, progress.mark)
            (read, matched) = (progress.readCount, progress.matchedCount)
            (written, missed) = (progress.writtenCount, progress.missedCount)
            matchedByEvent = progress.matched.sorted { $0.key < $1.key }.map { Count(event: $0.key.string, count: $0.value) }
            (startedAt, endedAt, problem) = (progress.startedAt, progress.endedAt, progress.problem)
        }

        /// nil where the parts do not go together.
        var replay: Replay? {
            guard let state = ReplayProgress.State(rawValue: state), let source = TopicName(source),
                positions.count == ranges.count,
                ranges.allSatisfy({ $0.count == 2 && 0 <= $0[0] && $0[0] <= $0[1] })
            else { return nil }
            let plan = ReplayPlan(
                id: id, createdAt: createdAt, source: source, ranges: ranges.map { $0[0]..<$0[1] }, events: events, user: userId,
                target: target,
                eventsPerSecond: eventsPerSecond.map { max(1, $0) }, isDry: dryRun)
            guard zip(positions, plan.ranges).allSatisfy({ $1.lowerBound <= $0 && $0 <= $1.upperBound }) else { return nil }
            var progress = ReplayProgress(plan)
            (progress.state, progress.positions, progress.mark) = (state, positions, mark)
            (progress.readCount, progress.matchedCount) = (read, matched)
            (progress.writtenCount, progress.missedCount) = (written, missed)
            progress.matched = Dictionary(matchedByEvent.map { (ExactText($0.event), $0.count) }, uniquingKeysWith: +)
            (progress.startedAt, progress.endedAt, progress.problem) = (startedAt, endedAt, problem)
            return Replay(plan: plan, progress: progress)
        }
    }
}

internal import Consumption

/// Has a replay counted in Redis: what the exporter has counted is left out, and what it will come to is left out by it then.
final class RedisReplayTarget: ReplayTarget, @unchecked Sendable {
    // Sendable: a replay calls it from one task at a time.

    private let book: RedisBook

    init(_ book: RedisBook) { self.book = book }

    // What is written twice counts once: so nothing needs to be found again.
    func mark() async throws -> [Int64] { [] }
    func written(by replay: String, since mark: [Int64]) async throws -> Set<ReplayPlace> { [] }

    func write(_ chunk: ReplayChunk, of replay: String) async throws { try book.countAhead(chunk) }
}

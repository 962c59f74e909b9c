internal import Consumption
internal import EventLog

/// Publishes a replay to RabbitMQ. What was published since the replay's progress was kept last is published again after a crash, with the same
/// `message-id`s.
final class RabbitMQReplayTarget: ReplayTarget, @unchecked Sendable {
    // Sendable: a replay calls it from one task at a time.

    /// Of messages that reach no queue, or that the broker refuses.
    private static let attemptsMax = 30

    private let publisher: RabbitMQPublisher
    private let messages: RabbitMQMessageMaker

    init(_ publisher: RabbitMQPublisher, messages: RabbitMQMessageMaker) {
        self.publisher = publisher
        self.messages = messages
    }

    // A queue cannot be asked what it has had.
    func mark() async throws -> [Int64] { [] }
    func written(by replay: String, since mark: [Int64]) async throws -> Set<ReplayPlace> { [] }

    func write(_ chunk: ReplayChunk, of replay: String) async throws {
        var made = messages.empty
        // What is no JSON has nothing to say.
        chunk.forEachRecord { record in try? messages.add(record, PartitionID(chunk.partition), to: &made) }
        // What was confirmed is remembered here, and would be sent again by another attempt of the replay.
        var backoff = Backoff(longest: .seconds(1))
        for _ in 0..<Self.attemptsMax - 1 {
            do {
                try publisher.publish(made)
                return publisher.forget()
            } catch is RabbitMQFailure {
                try await Task.sleep(for: backoff.next())
            }
        }
        try publisher.publish(made)
        publisher.forget()
    }
}

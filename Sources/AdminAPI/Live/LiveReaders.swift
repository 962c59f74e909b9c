internal import Consumption
package import EventLog
internal import Synchronization

/// All who watch events as they come: how many they may be, and how much they are given together, so that they take nothing from those who
/// write.
package final class LiveReaders: Sendable {
    static let readersMax = 256
    /// That all together are given; whoever wants more reads the log.
    private static let bytesPerSecond = 8 << 20
    /// That are looked through for all those together who are behind.
    private static let lookedAtPerSecond = 64 << 20

    private struct State {
        var readerCount = 0
        var droppedCount = 0
        /// When everything that was given out, or looked at, so far is paid for.
        var freeAt = ContinuousClock.now
    }

    /// A reader's place among them, for as long as somebody holds it.
    final class Slot: Sendable {
        private let readers: LiveReaders

        fileprivate init(_ readers: LiveReaders) { self.readers = readers }

        deinit { readers.state.withLock { $0.readerCount -= 1 } }
    }

    let feed: LogFeed
    let topic: TopicDefinition
    let executor: (any TaskExecutor)?
    private let state = Mutex(State())

    /// - Parameter executor: on which the log is looked through for them; nil: wherever tasks run.
    package init(log: any LogReader, topic: TopicDefinition, executor: (any TaskExecutor)? = nil) {
        self.executor = executor
        feed = LogFeed(log, executor: executor)
        self.topic = topic
    }

    package var count: Int { state.withLock { $0.readerCount } }
    /// Since the process began.
    package var droppedCount: Int { state.withLock { $0.droppedCount } }

    /// nil where there are enough.
    func enter() -> Slot? {
        state.withLock { state in
            if state.readerCount >= Self.readersMax { return nil }
            state.readerCount += 1
            return Slot(self)
        }
    }

    func noteDropped() { state.withLock { $0.droppedCount += 1 } }

    /// Waits until so much may be given to somebody.
    ///
    /// - Parameters:
    ///   - byteCount: of what is given.
    ///   - lookedAt: bytes that were looked through for one who is behind.
    func pace(_ byteCount: Int, lookedAt: Int) async throws {
        let cost = max(Double(byteCount) / Double(Self.bytesPerSecond), Double(lookedAt) / Double(Self.lookedAtPerSecond))
        let until = state.withLock { state in
            let begin = max(state.freeAt, .now)
            state.freeAt = begin + .seconds(1) * cost
            return begin
        }
        if until > .now { try await Task.sleep(until: until, clock: .continuous) }
    }
}

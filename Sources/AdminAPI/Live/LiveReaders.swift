internal import Consumption
package import EventLog
internal import Synchronization

/// All who watch events as they come: how many they may be, and how much they are given together, so that they take nothing from those who
/// write.
package final class LiveReaders: Sendable {
    static let readersMax = 256
    /// Of all together; whoever wants more reads the log.
    private static let bytesPerSecond = 8 << 20

    private struct State {
        var readerCount = 0
        var droppedCount = 0
        /// When everything that was given out so far is paid for.
        var freeAt = ContinuousClock.now
    }

    let feed: LogFeed
    let topic: TopicDefinition
    private let state = Mutex(State())

    package init(log: any LogReader, topic: TopicDefinition) {
        feed = LogFeed(log)
        self.topic = topic
    }

    package var count: Int { state.withLock { $0.readerCount } }
    /// Since the process began.
    package var droppedCount: Int { state.withLock { $0.droppedCount } }

    /// False where there are enough.
    func enter() -> Bool {
        state.withLock { state in
            if state.readerCount >= Self.readersMax { return false }
            state.readerCount += 1
            return true
        }
    }

    func leave(wasDropped: Bool) {
        state.withLock { state in
            state.readerCount -= 1
            if wasDropped { state.droppedCount += 1 }
        }
    }

    /// Waits until so many bytes may be given to somebody.
    func pace(_ byteCount: Int) async throws {
        let until = state.withLock { state in
            let begin = max(state.freeAt, .now)
            state.freeAt = begin + .seconds(1) * (Double(byteCount) / Double(Self.bytesPerSecond))
            return begin
        }
        if until > .now { try await Task.sleep(until: until, clock: .continuous) }
    }
}

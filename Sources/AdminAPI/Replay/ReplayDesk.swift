package import Consumption
package import EventLog

/// What replays are asked for with.
package struct ReplayDesk: Sendable {
    let queue: ReplayQueue
    /// What is replayed.
    let source: TopicDefinition
    let log: any LogReader
    /// Topics that no replay may write to.
    let ownTopics: [TopicName]
    /// Names of exporters that take replays.
    let exporters: [String]
    /// Makes a topic to replay into, or finds it.
    let makeTopic: @Sendable (TopicName) async throws(LogError) -> Void
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64

    package init(
        queue: ReplayQueue, source: TopicDefinition, log: any LogReader, ownTopics: [TopicName],
        exporters: [String],
        makeTopic: @escaping @Sendable (TopicName) async throws(LogError) -> Void, now: @escaping @Sendable () -> Int64
    ) {
        self.queue = queue
        self.source = source
        self.log = log
        self.ownTopics = ownTopics
        self.exporters = exporters
        self.makeTopic = makeTopic
        self.now = now
    }
}

package import Consumption
package import EventLog
package import Foundation

/// What the service lends its exporters.
package struct ExporterContext: Sendable {
    /// The events.
    package let events: TopicDefinition
    /// What follows from them: who is whose, and when sessions began and ended.
    package let derived: TopicDefinition
    /// What was not taken, with its reason.
    package let rejected: TopicDefinition
    /// Another log has another one: so that what is kept elsewhere of one's offsets is not taken for another's.
    package let logName: String
    /// Makes short of what is too long: under the log's own key, so that nobody can look for two that become one.
    package let hasher: RecordIdentityHasher
    /// Whose days are counted.
    package let zone: TimeZone
    /// Where each partition of a topic ended when the service started, before anything was added: what is kept of offsets behind that is of
    /// records that the log has lost.
    package let endsAtStart: @Sendable (TopicDefinition) -> [Int64]
    /// The log, to be read again where something must be repeated.
    package let feed: LogFeed
    package let aliases: any AliasSource
    /// The file in which an exporter keeps its state, by a name.
    package let checkpoint: @Sendable (_ name: String) -> any CheckpointStore
    /// Makes a thread for what blocks beside a consumer; it lasts as long as the process.
    package let makeThread: @Sendable () -> any TaskExecutor
    /// Tells an operator of what does not stop the exporter, or will not be tried again.
    package let warn: @Sendable (_ exporter: String, _ message: String) -> Void

    package init(
        events: TopicDefinition, derived: TopicDefinition, rejected: TopicDefinition, logName: String,
        hasher: RecordIdentityHasher, zone: TimeZone,
        endsAtStart: @escaping @Sendable (TopicDefinition) -> [Int64], feed: LogFeed, aliases: any AliasSource,
        checkpoint: @escaping @Sendable (_ name: String) -> any CheckpointStore,
        makeThread: @escaping @Sendable () -> any TaskExecutor,
        warn: @escaping @Sendable (_ exporter: String, _ message: String) -> Void
    ) {
        self.events = events
        self.derived = derived
        self.rejected = rejected
        self.logName = logName
        self.hasher = hasher
        self.zone = zone
        self.endsAtStart = endsAtStart
        self.feed = feed
        self.aliases = aliases
        self.checkpoint = checkpoint
        self.makeThread = makeThread
        self.warn = warn
    }
}

/// Where a small state is kept, replaced as a whole.
package protocol CheckpointStore: Sendable {
    /// What it is, for messages: a file's path.
    var description: String { get }

    /// Blocks. nil: nothing is kept.
    func load() throws -> [UInt8]?

    /// Blocks; returns once it will be there after a crash.
    func save(_ state: [UInt8]) throws
}

package import Consumption
package import EventLog
package import Telemetry

/// A way out of the log, as it runs.
package struct Exporter: Sendable {
    /// A consumer and what it reads. An exporter that reads two topics has two of one group.
    package struct Reader: Sendable {
        package let topic: TopicDefinition
        package let consumer: any Consumer

        package init(topic: TopicDefinition, consumer: any Consumer) {
            self.topic = topic
            self.consumer = consumer
        }
    }

    package let name: String
    package let readers: [Reader]
    /// Makes that to which replays write; nil: it takes none.
    package let makeReplayTarget: (@Sendable () -> any ReplayTarget)?
    /// What it says on `/metrics` beside what all consumers do.
    package let metrics: [any MetricsSource]
    /// Has whoever waits for the other side come back at once, with an error. Called when the service ends; any number of times.
    package let interrupt: @Sendable () -> Void
    /// Gives back what it holds. Called once, when nothing uses it any more.
    package let close: @Sendable () async -> Void

    package init(
        name: String, readers: [Reader], makeReplayTarget: (@Sendable () -> any ReplayTarget)? = nil,
        metrics: [any MetricsSource] = [], interrupt: @escaping @Sendable () -> Void = {},
        close: @escaping @Sendable () async -> Void = {}
    ) {
        self.name = name
        self.readers = readers
        self.makeReplayTarget = makeReplayTarget
        self.metrics = metrics
        self.interrupt = interrupt
        self.close = close
    }
}

/// What an exporter is told by whoever configures the service. Each kind of exporter has one.
package protocol ExporterSettings: Sendable {
    /// What its group is called, and the target of replays.
    static var name: String { get }

    /// The keys of the configuration that are its own.
    static var keys: [String] { get }

    /// Descriptors that it may hold at once: connections of its own and of replays, a thread's own, and a file that is replaced.
    static var descriptorsMax: Int { get }

    /// nil: it is not configured, and off.
    ///
    /// - Throws: what is wrong, with the key's name.
    init?(_ configuration: any ExporterConfiguration) throws

    /// Makes the exporter. Nothing of the other side is asked for yet.
    func makeExporter(_ context: ExporterContext) -> Exporter
}

extension ExporterSettings {
    package static var descriptorsMax: Int { 16 }
}

/// The configuration as an exporter reads it. What is not set is nil; what is set to something else than asked for is an error that names
/// the key.
package protocol ExporterConfiguration {
    func text(_ key: String) throws -> String?
    func texts(_ key: String) throws -> [String]?
    func boolean(_ key: String) throws -> Bool?
    func integer(_ key: String, _ range: ClosedRange<Int>) throws -> Int?
    /// In milliseconds.
    func duration(_ key: String) throws -> Int64?
}

/// What is wrong with an exporter's configuration, with the key's name.
package struct ExporterRefusal: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

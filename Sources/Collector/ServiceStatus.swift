package import Ingestion
internal import Synchronization

/// Where the service stands in its life: what `/health/ready` answers by, and where the routes find the pipeline.
package final class ServiceStatus: Sendable {
    package enum Phase: Sendable {
        /// Not ready; what it is doing.
        case starting(String)
        case ready(IngestPipeline)
        case stopping
    }

    private let state = Mutex(Phase.starting("starting"))
    /// Asked for each health check.
    private let health: Mutex<@Sendable () -> LogHealth> = Mutex({ LogHealth() })

    package init() {}

    package var phase: Phase { state.withLock { $0 } }

    package func set(_ phase: Phase) { state.withLock { $0 = phase } }

    package func setHealth(_ health: @escaping @Sendable () -> LogHealth) {
        self.health.withLock { $0 = health }
    }

    /// The pipeline, or why there is none.
    package func pipeline() throws(IngestError) -> IngestPipeline {
        switch phase {
        case .ready(let pipeline): return pipeline
        case .starting(let what): throw IngestError(.starting, "not ready yet: \(what)")
        case .stopping: throw IngestError(.starting, "the service is stopping")
        }
    }

    package var logHealth: LogHealth { health.withLock { $0 }() }
}

/// What keeps a running service from taking events, or should be known although it takes them.
package struct LogHealth: Sendable {
    package struct Partition: Sendable {
        package let name: String
        /// `open`, `poisoned` or `read-only`.
        package let state: String
        package let isWritable: Bool
        /// Why, and what to do.
        package let message: String

        package init(name: String, state: String, isWritable: Bool, message: String) {
            self.name = name
            self.state = state
            self.isWritable = isWritable
            self.message = message
        }
    }

    /// Why nothing at all is taken; nil where it is.
    package var shortage: String?
    /// The partitions that take no writes, or have lost records.
    package var partitions: [Partition] = []

    package init() {}

    /// Everything that keeps events from being taken.
    package var impediments: [String] {
        (shortage.map { [$0] } ?? []) + partitions.filter { !$0.isWritable }.map { "\($0.name) \($0.message)" }
    }
}

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
    /// Asked for each health check: what keeps the service from taking writes, although it runs.
    private let impediments: Mutex<@Sendable () -> [String]> = Mutex({ [] })

    package init() {}

    package var phase: Phase { state.withLock { $0 } }

    package func set(_ phase: Phase) { state.withLock { $0 = phase } }

    package func setImpediments(_ impediments: @escaping @Sendable () -> [String]) {
        self.impediments.withLock { $0 = impediments }
    }

    /// The pipeline, or why there is none.
    package func pipeline() throws(IngestError) -> IngestPipeline {
        switch phase {
        case .ready(let pipeline): return pipeline
        case .starting(let what): throw IngestError(.starting, "not ready yet: \(what)")
        case .stopping: throw IngestError(.starting, "the service is stopping")
        }
    }

    package var impedimentMessages: [String] { impediments.withLock { $0 }() }
}

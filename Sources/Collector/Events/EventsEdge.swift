package import Ingestion

/// What all connections take events with.
package struct EventsEdge: Sendable {
    let status: ServiceStatus
    let limits: IngestLimits
    let cors: CORS

    package init(status: ServiceStatus, limits: IngestLimits, cors: CORS) {
        self.status = status
        self.limits = limits
        self.cors = cors
    }
}

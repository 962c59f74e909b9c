package import Ingestion

/// What all connections take events with.
package struct EventsEdge: Sendable {
    let status: ServiceStatus
    let limits: IngestLimits
    let cors: CORS
    let proxies: TrustedProxies

    package init(status: ServiceStatus, limits: IngestLimits, cors: CORS, proxies: TrustedProxies) {
        self.status = status
        self.limits = limits
        self.cors = cors
        self.proxies = proxies
    }
}

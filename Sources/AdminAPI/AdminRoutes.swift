package import Hummingbird

/// Everything under `/api/admin`.
package struct AdminRoutes: Sendable {
    private let services: AdminServices

    package init(services: AdminServices) { self.services = services }

    package func add(to group: RouterGroup<some RequestContext>) {
        UserRoutes(services: services).add(to: group)
        StatisticsRoutes(services: services).add(to: group)
        LiveRoutes(services: services).add(to: group)
        ReplayRoutes(services: services).add(to: group)
        ConsumerRoutes(services: services).add(to: group)
        LogRoutes(services: services).add(to: group)
        RejectedListRoutes(services: services).add(to: group)
        RejectedRetryRoutes(services: services).add(to: group)
    }
}

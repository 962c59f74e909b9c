package import Consumption
package import EventLog
internal import HTTPTypes
package import Ingestion
internal import Synchronization

/// What the routes work with, once the log is open.
package final class AdminServices: Sendable {
    package struct Open: Sendable {
        let retry: RejectedRetry
        let users: UserLookup
        let live: LiveReaders
        let statistics: StatisticsDesk
        let replay: ReplayDesk
        let consumers: [ConsumerRunner]
        let clientGroups: @Sendable () -> [ClientGroup]
        let log: any LogReader
        let rejectedTopic: TopicName
        let logOverview: @Sendable () -> LogOverview

        package init(
            retry: RejectedRetry, users: UserLookup, live: LiveReaders, statistics: StatisticsDesk, replay: ReplayDesk,
            consumers: [ConsumerRunner], clientGroups: @escaping @Sendable () -> [ClientGroup], log: any LogReader,
            rejectedTopic: TopicName, logOverview: @escaping @Sendable () -> LogOverview
        ) {
            self.retry = retry
            self.users = users
            self.live = live
            self.statistics = statistics
            self.replay = replay
            self.consumers = consumers
            self.clientGroups = clientGroups
            self.log = log
            self.rejectedTopic = rejectedTopic
            self.logOverview = logOverview
        }
    }

    private let open = Mutex<Open?>(nil)

    package init() {}

    /// nil: the service is starting or stopping.
    package func set(_ services: Open?) { open.withLock { $0 = services } }

    /// - Throws: `AdminError`, which says that the service is starting.
    func opened() throws(AdminError) -> Open {
        guard let services = open.withLock({ $0 }) else {
            throw AdminError(.serviceUnavailable, "starting", "the log is not open yet")
        }
        return services
    }
}

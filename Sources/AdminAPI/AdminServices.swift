package import Ingestion
internal import Synchronization

/// What the routes work with, once the log is open.
package final class AdminServices: Sendable {
    private let retry = Mutex<RejectedRetry?>(nil)

    package init() {}

    package func set(_ retry: RejectedRetry?) { self.retry.withLock { $0 = retry } }

    /// nil: the service is starting or stopping.
    var rejectedRetry: RejectedRetry? { retry.withLock { $0 } }
}

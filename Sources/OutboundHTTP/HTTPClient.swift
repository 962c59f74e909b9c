internal import Synchronization

/// Asks other servers over HTTP and HTTPS, many at once on one thread of its own, and keeps connections for the next request.
///
/// Redirects are answers like any other. Certificates are checked against the system's authorities, or those of the file that the environment names
/// in `SSL_CERT_FILE`.
package final class HTTPClient: Sendable {
    package struct Options: Sendable {
        /// Of the thread, as `nice` has it.
        package var niceness: Int32
        /// For a connection to be made.
        package var connect = Duration.seconds(5)
        /// How long a connection is kept that nobody uses: best shorter than the server does, which may close it under the next request.
        package var idle = Duration.seconds(2)
        /// To one server at once; those above wait.
        package var connectionsMax: Int

        package init(niceness: Int32 = 0, connectionsMax: Int) {
            self.niceness = niceness
            self.connectionsMax = connectionsMax
        }
    }

    private let loop: HTTPLoop

    package init(_ options: Options) { loop = HTTPLoop(options) }

    deinit { loop.close() }

    /// Sends a request and waits for all of the answer.
    ///
    /// - Throws: `HTTPFailure` where there is none; `CancellationError` as soon as the task is cancelled.
    package func execute(_ request: HTTPRequest) async throws -> HTTPAnswer {
        let started = Mutex<HTTPTransfer?>(nil)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let transfer = HTTPTransfer(request, continuation)
                started.withLock { $0 = transfer }
                // A cancellation that came before it was there to be told.
                if Task.isCancelled { transfer.isCancelled.store(true, ordering: .relaxed) }
                loop.start(transfer)
            }
        } onCancel: {
            if let transfer = started.withLock({ $0 }) { loop.cancel(transfer) }
        }
    }

    /// Ends everything that is under way.
    package func close() { loop.close() }
}

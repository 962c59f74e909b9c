/// Where a request goes on once the log has answered it, or another request that it waited for: at the HTTP edge the event
/// loop of its connection.
package protocol RequestExecutor: Sendable {
    /// Runs `work` there. Called on any thread, which must not be kept waiting.
    func execute(_ work: @escaping @Sendable () -> Void)
}

import Ingestion

extension IngestPipeline {
    /// Commits and waits for what becomes of it, as a task does.
    func commit(_ prepared: PreparedRequest) async throws(IngestError) -> IngestReport {
        try await withCheckedContinuation { continuation in
            commit(prepared, on: CallingThread()) { continuation.resume(returning: $0) }
        }.get()
    }
}

/// Goes on at once, on the thread that says so.
private struct CallingThread: RequestExecutor {
    func execute(_ work: @escaping @Sendable () -> Void) { work() }
}

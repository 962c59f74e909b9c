package import Consumption
package import Projections

/// Users' histories, up to what was acknowledged when they are asked for.
package struct UserLookup: Sendable {
    /// A projection that is further behind is not waited for.
    private static let patience = Duration.seconds(2)

    private let history: UserHistory
    private let sources: [ConsumerRunner]

    /// - Parameter sources: what the history is made from.
    package init(history: UserHistory, sources: [ConsumerRunner]) {
        self.history = history
        self.sources = sources
    }

    /// - Returns: the page, and how many records the projections have not seen yet.
    func page(_ query: UserHistoryQuery) async throws -> (page: UserHistoryPage, lag: Int64) {
        // The pages behind the first one are of the moment of the first.
        if query.cursor == nil {
            await withTaskGroup(of: Void.self) { group in
                for source in sources { group.addTask { _ = await source.reachEnd(atMost: Self.patience) } }
            }
        }
        let lag = sources.map { $0.status.lag }.max() ?? 0
        return (try await history.page(query), lag)
    }
}

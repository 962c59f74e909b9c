package import Consumption
package import Projections

/// Users' histories, up to what was acknowledged when they are asked for.
package struct UserLookup: Sendable {
    /// A projection that is further behind is not waited for.
    private static let patience = Duration.seconds(2)

    private let history: UserHistory
    private let sources: [ConsumerRunner]

    /// - Parameter sources: what the history is made from, all of one topic.
    package init(history: UserHistory, sources: [ConsumerRunner]) {
        self.history = history
        self.sources = sources
    }

    var partitionCount: Int { history.partitionCount }

    /// - Returns: the page, and how many of the records that it is made of the projections have not seen yet.
    func page(_ query: UserHistoryQuery) async throws -> (page: UserHistoryPage, lag: Int64) {
        let wanted = try query.cursor?.cut ?? LogCut(ends: sources[0].ends())
        await withTaskGroup(of: Void.self) { group in
            for source in sources { group.addTask { _ = await source.reach(wanted.ends, atMost: Self.patience) } }
        }
        // What only one of them has seen would make a history that there never was.
        let reached = sources.reduce(wanted) { $0.common($1.positions) }
        return (try await history.page(query, cut: reached), wanted.lag(reached.ends))
    }
}

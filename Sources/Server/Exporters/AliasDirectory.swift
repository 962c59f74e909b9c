internal import Consumption
internal import EventModel
internal import Exporters
internal import Projections

/// What the projection of aliases knows, for exporters.
struct AliasDirectory: AliasSource {
    private static let patience = Duration.seconds(5)

    let aliases: Aliases
    let runner: ConsumerRunner

    func owners(of id: ExactText) throws -> [AliasOwner] {
        try aliases.owners(of: id).map { interval in
            // The projection has times after which and up to which.
            AliasOwner(user: interval.user.string, from: interval.after.map { $0 + 1 }, to: interval.through.map { $0 + 1 })
        }
    }

    // What has come to rest needs no more for it.
    func reach(_ positions: [Int64]) async -> Bool { await runner.reach(positions, atMost: Self.patience, settling: false) }

    func reachSettled() async -> Bool {
        guard let ends = try? runner.settledEnds() else { return false }
        return await reach(ends)
    }
}

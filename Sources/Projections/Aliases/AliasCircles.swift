internal import Consumption
internal import EventModel

/// Finds the aliases that would close a circle: of what is said one after the other, each that leads back to its own id over those that
/// were taken before it. Such an alias counts for nothing, also for those behind it.
struct AliasCircles {
    /// Beyond so many, no more are looked at: a chain of real aliases has a few.
    private static let rowsMax = 1000

    /// Aliases that were taken: from an id to users.
    private var taken: [ExactText: [ExactText]] = [:]

    /// Those of `rows` that are not refused, in the order of their times. Whatever is said twice is refused twice or not at all, for nothing
    /// that was taken is given up: so the first time decides.
    ///
    /// - Parameters:
    ///   - rows: of one id, all that say something of it.
    ///   - others: gives those of another id.
    static func accepted(_ rows: [AliasRow], others: (ExactText) throws -> [AliasRow]) rethrows -> [AliasRow] {
        let sorted = rows.sorted(by: AliasRow.comesBefore)
        let aliases = firsts(sorted)
        guard let id = aliases.first?.id else { return sorted }
        // Everything that can be reached from here: what lies elsewhere leads to no circle of these.
        var (all, seen) = (aliases, Set([id]))
        var next = aliases.map(\.user)
        while let other = next.popLast(), all.count < rowsMax {
            guard seen.insert(other).inserted else { continue }
            let reached = firsts(try others(other).sorted(by: AliasRow.comesBefore))
            all += reached
            next += reached.map(\.user)
        }
        var circles = AliasCircles()
        var refused: Set<ExactText> = []
        for row in all.sorted(by: AliasRow.comesBefore) where !circles.take(row) && row.id == id { refused.insert(row.user) }
        return sorted.filter { $0.kind != .alias || !refused.contains($0.user) }
    }

    /// Of each user the first alias.
    private static func firsts(_ sorted: [AliasRow]) -> [AliasRow] {
        var seen: Set<ExactText> = []
        return sorted.filter { $0.kind == .alias && seen.insert($0.user).inserted }
    }

    /// False where it would close a circle.
    private mutating func take(_ row: AliasRow) -> Bool {
        var (seen, next) = (Set([row.user]), [row.user])
        while let id = next.popLast() {
            if id == row.id { return false }
            for user in taken[id] ?? [] where seen.insert(user).inserted { next.append(user) }
        }
        taken[row.id, default: []].append(row.user)
        return true
    }
}

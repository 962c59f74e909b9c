internal import EventModel

/// Gives rows their users that were inserted before it was known who came, or when less of it was known: the statements that do it. They set what
/// is right by all that is known, whatever the rows had; so after the last of an id's aliases its rows are right.
struct ClickHouseStitching {
    /// Ids of one statement: with their bounds some 220 bytes each, of the 256 KiB that a statement may have.
    static let idsMax = 500
    private static let statementBytesMax = 200_000

    /// An id and one of its owners.
    struct Alias {
        let id: String
        let owner: AliasOwner
    }

    /// The aliases of each statement: an id stands in one once, since of two the server would take either.
    static func batches(_ owners: [(id: String, owners: [AliasOwner])]) -> [[Alias]] {
        var batches: [[Alias]] = []
        for round in 0..<(owners.map(\.owners.count).max() ?? 0) {
            var (batch, byteCount) = ([Alias](), 0)
            for (id, all) in owners where round < all.count {
                let alias = Alias(id: id, owner: all[round])
                // An id stands in six lists, its user in two; each of their bytes may be escaped.
                let bytes = 2 * (6 * id.utf8.count + 2 * alias.owner.user.utf8.count) + 64
                if batch.count == idsMax || byteCount + bytes > statementBytesMax, !batch.isEmpty {
                    batches.append(batch)
                    (batch, byteCount) = ([], 0)
                }
                batch.append(alias)
                byteCount += bytes
            }
            if !batch.isEmpty { batches.append(batch) }
        }
        return batches
    }

    /// The statement for some aliases. Nothing in it can fail on a row: a mutation that fails is tried for ever, and holds up those behind it.
    static func statement(_ aliases: [Alias], in table: ClickHouseTable) -> String {
        func list(_ value: (Alias) -> String) -> String { "[\(aliases.map(value).joined(separator: ","))]" }
        let ids = list { ClickHouseSQL.text($0.id) }
        let (time, never) =
            table.hasWholeSeconds
            ? ("toUInt64(toUInt32(receivedAt)) * 1000 + receivedAtMs", "18446744073709551615")
            : ("toUnixTimestamp64Milli(receivedAt)", "9223372036854775807")
        // Times of the log are above 0 and far below the end of these types.
        return """
            ALTER TABLE \(table.qualified) UPDATE userId = transform(anonymousId, \(ids), \
            \(list { ClickHouseSQL.text($0.owner.user) }), userId) \
            WHERE \(table.isAnonymous) AND anonymousId IN (\(aliases.map { ClickHouseSQL.text($0.id) }.joined(separator: ","))) \
            AND \(time) >= transform(anonymousId, \(ids), \(list { "\(max(0, $0.owner.from ?? 0))" }), \(never)) \
            AND \(time) < transform(anonymousId, \(ids), \(list { "\(max(0, $0.owner.to ?? 4_102_444_800_000))" }), 0) \
            AND userId != transform(anonymousId, \(ids), \(list { ClickHouseSQL.text($0.owner.user) }), userId)
            """
    }
}

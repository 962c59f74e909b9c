internal import EventModel

/// Gives rows their users that were inserted before it was known who came, or when less of it was known: the statements that do it. They set what
/// is right by all that is known, whatever the rows had; so after the last of an id's aliases its rows are right.
///
/// Nothing in a statement can fail on a row: a mutation that fails is tried for ever, and holds up those behind it.
struct ClickHouseStitching {
    /// Ids of one statement: with their bounds some 220 bytes each, of the 256 KiB that a statement may have.
    static let idsMax = 500
    private static let statementBytesMax = 200_000
    private let table: ClickHouseTable
    /// Milliseconds of a row, and a time that none reaches, of the same type.
    private let (time, never): (String, String)

    init(_ table: ClickHouseTable) {
        self.table = table
        (time, never) =
            table.hasWholeSeconds
            ? ("toUInt64(toUInt32(receivedAt)) * 1000 + receivedAtMs", "18446744073709551615")
            : ("toUnixTimestamp64Milli(receivedAt)", "9223372036854775807")
    }

    /// The statements for some ids: one for all that had one owner, and one for each that had several.
    func statements(_ ids: [(id: String, owners: [AliasOwner])]) -> [String] {
        let single = ids.compactMap { id in id.owners.count == 1 ? (id: id.id, owner: id.owners[0]) : nil }
        let several = ids.filter { (2...AliasOwner.ownersMax).contains($0.owners.count) }
        return Self.pieces(single).map(statement) + several.map { statement(of: $0.id, $0.owners) }
    }

    private typealias Alias = (id: String, owner: AliasOwner)

    /// As many as a statement holds.
    private static func pieces(_ aliases: [Alias]) -> [[Alias]] {
        var pieces: [[Alias]] = []
        var byteCount = 0
        for alias in aliases {
            // An id stands in five lists, its user in two; each of their bytes may be escaped.
            let bytes = 2 * (5 * alias.id.utf8.count + 2 * alias.owner.user.utf8.count) + 64
            if pieces.isEmpty || byteCount + bytes > statementBytesMax {
                pieces.append([])
                byteCount = 0
            }
            pieces[pieces.count - 1].append(alias)
            byteCount += bytes
        }
        return pieces
    }

    private func statement(_ aliases: [Alias]) -> String {
        func list(_ value: (Alias) -> String) -> String { "[\(aliases.map(value).joined(separator: ","))]" }
        let ids = list { ClickHouseSQL.text($0.id) }
        let user = "transform(anonymousId, \(ids), \(list { ClickHouseSQL.text($0.owner.user) }), userId)"
        return """
            ALTER TABLE \(table.qualified) UPDATE userId = \(user) \
            WHERE \(table.isAnonymous) AND anonymousId IN (\(aliases.map { ClickHouseSQL.text($0.id) }.joined(separator: ","))) \
            AND \(time) >= transform(anonymousId, \(ids), \(list { Self.number($0.owner.from, else: 0) }), \(never)) \
            AND \(time) < transform(anonymousId, \(ids), \(list { Self.number($0.owner.to, else: Self.end) }), 0) \
            AND userId != \(user)
            """
    }

    /// For one id: the number of bounds that a row's time has reached says whose it is.
    private func statement(of id: String, _ owners: [AliasOwner]) -> String {
        let users = owners.map { ClickHouseSQL.text($0.user) }.joined(separator: ",")
        // Old servers know no columns within a lambda.
        let reached = owners.dropFirst().map { " + (\(time) >= \(Self.number($0.from, else: 0)))" }.joined()
        let user = "arrayElement([\(users)], 1\(reached))"
        return """
            ALTER TABLE \(table.qualified) UPDATE userId = \(user) \
            WHERE \(table.isAnonymous) AND anonymousId = \(ClickHouseSQL.text(id)) AND userId != \(user)
            """
    }

    /// The end of the year 2099, behind all times of a log.
    private static let end: Int64 = 4_102_444_800_000

    private static func number(_ time: Int64?, else other: Int64) -> String { "\(max(0, time ?? other))" }
}

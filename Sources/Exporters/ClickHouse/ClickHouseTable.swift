/// The table of events in a ClickHouse: made where it is missing, and used as it is where it is there.
struct ClickHouseTable: Sendable {
    static let name = "events"

    let database: String
    /// Those of ours that it has, in our order.
    let columns: [ClickHouseColumn]
    /// Its times are whole seconds.
    let hasWholeSeconds: Bool
    /// Settings that inserts are sent with, and whether the server takes a deduplication token.
    let settings: [(name: String, value: String)]
    let takesToken: Bool

    /// The condition of rows whose events name nobody.
    var isAnonymous: String {
        columns.contains { $0.name == ClickHouseColumn.isAnonymousName }
            ? "\(ClickHouseColumn.isAnonymousName) = 1" : "userId = ''"
    }

    var insertStatement: String {
        "INSERT INTO \(qualified) (\(columns.map { ClickHouseSQL.name($0.name) }.joined(separator: ", "))) FORMAT TabSeparated"
    }

    var qualified: String { "\(ClickHouseSQL.name(database)).\(ClickHouseSQL.name(Self.name))" }

    // MARK: Making and finding

    /// Finds the table, or makes it and its database.
    ///
    /// - Parameter warn: told of columns that the table does not have.
    static func find(_ client: ClickHouseClient, database: String, warn: (String) -> Void) async throws -> ClickHouseTable {
        let version = Version(try await client.query("SELECT version()"))
        var types = try await columnTypes(client, database)
        if types.isEmpty {
            _ = try await client.query("CREATE DATABASE IF NOT EXISTS \(ClickHouseSQL.name(database))")
            _ = try await client.query(creation(database, isModern: version.isModern))
            types = try await columnTypes(client, database)
        }
        guard let time = types["timestamp"] else {
            throw ClickHouseFailure(
                "the table \(database).\(name) has no column timestamp; rename it, so that another one is made")
        }
        let hasWholeSeconds = !time.hasPrefix("DateTime64")
        let known = try await settingNames(client)
        let wanted = ClickHouseColumn.all.filter { hasWholeSeconds || !$0.isOfPlainTable }
        let missing = wanted.filter { types[$0.name] == nil }
        if !missing.isEmpty {
            warn(
                "the table \(database).\(name) has no columns \(missing.map(\.name).joined(separator: ", ")); what they are for is left out"
            )
        }
        return ClickHouseTable(
            database: database, columns: wanted.filter { types[$0.name] != nil }, hasWholeSeconds: hasWholeSeconds,
            settings: [("async_insert", "0"), ("max_partitions_per_insert_block", "0")].filter { known.contains($0.0) },
            takesToken: known.contains("insert_deduplication_token"))
    }

    private static func columnTypes(_ client: ClickHouseClient, _ database: String) async throws -> [String: String] {
        let answer = try await client.query(
            "SELECT name, type FROM system.columns WHERE database = \(ClickHouseSQL.text(database)) AND table = "
                + "\(ClickHouseSQL.text(name)) FORMAT TabSeparated")
        return Dictionary(
            answer.split(separator: "\n").compactMap { line in
                let fields = line.split(separator: "\t", maxSplits: 1).map(String.init)
                return fields.count == 2 ? (fields[0], fields[1]) : nil
            }
        ) { first, _ in first }
    }

    private static func settingNames(_ client: ClickHouseClient) async throws -> Set<String> {
        let answer = try await client.query(
            "SELECT name FROM system.settings WHERE name IN ('async_insert', 'insert_deduplication_token', "
                + "'max_partitions_per_insert_block') FORMAT TabSeparated")
        return Set(answer.split(separator: "\n").map(String.init))
    }

    static func creation(_ database: String, isModern: Bool) -> String {
        let columns = ClickHouseColumn.all.filter { !(isModern && $0.isOfPlainTable) }
            .map { "    \(ClickHouseSQL.name($0.name)) \(isModern ? $0.type : $0.plainType)" }.joined(separator: ",\n")
        return """
            CREATE TABLE IF NOT EXISTS \(ClickHouseSQL.name(database)).\(ClickHouseSQL.name(name)) (
            \(columns)
            )
            ENGINE = ReplacingMergeTree(version)
            PARTITION BY toYYYYMM(receivedAt)
            ORDER BY (event, timestamp, messageId)\(isModern ? "\nSETTINGS non_replicated_deduplication_window = 1000" : "")
            """
    }

    /// The first two numbers of what `SELECT version()` says, such as `18.16.1`.
    struct Version {
        let major: Int
        let minor: Int

        init(_ text: String) {
            let numbers = text.split { !$0.isNumber }.compactMap { Int($0) }
            major = numbers.first ?? 0
            minor = numbers.count > 1 ? numbers[1] : 0
        }

        /// Knows everything that the table of today is made of; the deduplication token came last, with 22.2.
        var isModern: Bool { (major, minor) >= (22, 2) }
    }
}

/// Names and values in ClickHouse's SQL.
enum ClickHouseSQL {
    static func name(_ name: String) -> String { "`\(escaped(name, "`"))`" }
    static func text(_ text: String) -> String { "'\(escaped(text, "'"))'" }

    private static func escaped(_ text: String, _ quote: Unicode.Scalar) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", quote:
                result.append("\\")
                result.append(scalar)
            case "\0": result.append(contentsOf: "\\0".unicodeScalars)
            case "\n": result.append(contentsOf: "\\n".unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}

internal import EventLog
internal import Glibc
internal import GRDB

/// Where a projection is kept, what its tables are, and of which log it is made.
package struct ProjectionFile: Sendable {
    /// Which log the content is of.
    struct Source: Sendable, Equatable {
        let topic: TopicName
        let partitionCount: Int
        /// Follows from the log's own secret: another log has another one.
        let fingerprint: String

        /// - Parameter detail: what else the content depends on.
        init(topic: TopicDefinition, hasher: RecordIdentityHasher, detail: String = "") {
            self.topic = topic.name
            partitionCount = topic.partitionCount
            let mark = Array("okla-events projections".utf8).withUnsafeBytes { hasher.identity(of: $0) }
            fingerprint = "\(String(mark.high, radix: 16)) \(detail)"
        }
    }

    /// Connections that read at the same time.
    private static let readersMax = 2
    /// Descriptors of one file at most: of each connection one and one of its WAL, and that of the WAL's index.
    package static let descriptorsMax = 2 * (readersMax + 1) + 1

    private let folder: String
    let path: String
    let source: Source
    /// Another number makes the file anew.
    private let version: Int
    private let tables: String

    /// - Parameter tables: the statements that make them.
    init(folder: String, name: String, version: Int, tables: String, source: Source) {
        self.folder = folder
        path = "\(folder)/\(name).sqlite"
        self.source = source
        self.version = version
        self.tables = tables
    }

    /// Opens the file, or makes it where it is missing or cannot be used.
    func open(onAnew: (String) -> Void) throws -> DatabasePool {
        guard access(path, F_OK) == 0 else { return try makeAnew() }
        do {
            let pool = try connect()
            guard let reason = try pool.read(mismatch) else { return pool }
            onAnew("\(path): \(reason)")
            try pool.close()
        } catch let error as DatabaseError where error.isOfDamage {
            onAnew("\(path): \(error.description)")
        }
        return try makeAnew()
    }

    /// Makes the file, and the folder where it is missing.
    func makeAnew() throws -> DatabasePool {
        if mkdir(folder, 0o755) != 0, errno != EEXIST {
            throw NotReady(reason: "\(folder) cannot be made: \(String(cString: strerror(errno)))")
        }
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
        let pool = try connect()
        try pool.write(fill)
        return pool
    }

    private func connect() throws -> DatabasePool {
        var configuration = Configuration()
        configuration.maximumReaderCount = Self.readersMax
        configuration.prepareDatabase { database in
            // The log has everything: what a power cut takes off the end is read there again, and what is left is whole.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
            // Of each connection, in KiB. What else is asked for often is in the system's cache.
            try database.execute(sql: "PRAGMA cache_size = -2048")
        }
        return try DatabasePool(path: path, configuration: configuration)
    }

    /// Why the file cannot be used; nil: it can.
    private func mismatch(_ database: Database) throws -> String? {
        guard try database.tableExists("made_of"),
            let made = try Row.fetchOne(database, sql: "SELECT version, topic, partitions, fingerprint FROM made_of")
        else { return "it does not say of what it was made" }
        if made["version"] != version { return "it was made by another version" }
        let isOfThisLog =
            made["topic"] == source.topic.text && made["partitions"] == source.partitionCount
            && made["fingerprint"] == source.fingerprint
        return isOfThisLog ? nil : "it was made of another log"
    }

    private func fill(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE made_of (version INTEGER NOT NULL, topic TEXT NOT NULL, partitions INTEGER NOT NULL, fingerprint TEXT NOT NULL);
                CREATE TABLE positions (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL);
                CREATE TABLE gaps (
                    partition INTEGER NOT NULL, cause TEXT NOT NULL, offsets INTEGER NOT NULL, last_reason TEXT NOT NULL,
                    PRIMARY KEY (partition, cause)) WITHOUT ROWID;
                CREATE TABLE set_aside (
                    partition INTEGER NOT NULL, position INTEGER NOT NULL, reason TEXT NOT NULL, key BLOB, value BLOB,
                    PRIMARY KEY (partition, position)) WITHOUT ROWID;
                CREATE TABLE set_aside_count (count INTEGER NOT NULL);
                INSERT INTO set_aside_count VALUES (0);
                """)
        try database.execute(sql: tables)
        try database.execute(
            sql: "INSERT INTO made_of VALUES (?, ?, ?, ?)",
            arguments: [version, source.topic.text, source.partitionCount, source.fingerprint])
        for partition in 0..<source.partitionCount {
            try database.execute(sql: "INSERT INTO positions VALUES (?, 0)", arguments: [partition])
        }
    }
}

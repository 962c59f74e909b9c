internal import EventModel
internal import Foundation
internal import GRDB

/// A session as its table has it.
struct SessionRow {
    static let tables = """
        CREATE TABLE sessions (
            id BLOB PRIMARY KEY, received INTEGER NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL, user BLOB, anonymous BLOB,
            spans BLOB NOT NULL, due INTEGER) WITHOUT ROWID;
        CREATE INDEX sessions_by_due ON sessions (due) WHERE due IS NOT NULL;
        """

    let id: ExactText
    /// Of the event that was received first, which says whose the session is.
    var first: Place
    var subject: DerivedEvent.Subject
    var spans: SessionSpans
    var hasEnded = false

    struct Place: Sendable, Comparable {
        let received: Int64
        let partition: Int
        let offset: Int64

        static func < (a: Place, b: Place) -> Bool {
            (a.received, a.partition, a.offset) < (b.received, b.partition, b.offset)
        }
    }

    init(id: ExactText, first: Place, subject: DerivedEvent.Subject, spans: SessionSpans) {
        self.id = id
        self.first = first
        self.subject = subject
        self.spans = spans
    }

    /// What others say of the same session.
    mutating func add(_ other: SessionRow) {
        if other.first < first { (first, subject) = (other.first, other.subject) }
        spans.add(other.spans)
    }

    // MARK: The table

    init(_ row: Row) throws {
        id = ExactText(TextBlob.text(row["id"]))
        first = Place(received: row["received"], partition: row["partition"], offset: row["position"])
        subject = DerivedEvent.Subject(
            user: (row["user"] as Data?).map(TextBlob.text), anonymous: (row["anonymous"] as Data?).map(TextBlob.text))
        guard let spans = (row["spans"] as Data).withUnsafeBytes(SessionSpans.init) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the times of a session are not what was written")
        }
        self.spans = spans
        hasEnded = row["due"] == nil
    }

    static func fetch(_ id: ExactText, _ database: Database) throws -> SessionRow? {
        try Row.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM sessions WHERE id = ?"), arguments: [TextBlob.data(id.string)]
        ).map(SessionRow.init)
    }

    /// Those that have ended by `time`, the earliest first.
    static func due(by time: Int64, limit: Int, _ database: Database) throws -> [SessionRow] {
        try Row.fetchAll(
            database.cachedStatement(sql: "SELECT * FROM sessions WHERE due < ? ORDER BY due LIMIT ?"), arguments: [time, limit]
        ).map(SessionRow.init)
    }

    func save(_ database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)").execute(
            arguments: [
                TextBlob.data(id.string), first.received, first.partition, first.offset, subject.user.map(TextBlob.data),
                subject.anonymous.map(TextBlob.data),
                Data(spans.bytes),
                hasEnded ? nil : spans.session.until,
            ])
    }
}

extension SessionSpans {
    /// Four numbers for each span, as LEB128.
    fileprivate var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for span in all {
            for number in [span.first, span.until, span.started, span.last] { LEB128.append(UInt64(number), to: &bytes) }
        }
        return bytes
    }

    fileprivate init?(_ bytes: UnsafeRawBufferPointer) {
        var position = 0
        var spans: SessionSpans?
        while position < bytes.count {
            var numbers: [Int64] = []
            while numbers.count < 4, let number = LEB128.read(bytes, &position) { numbers.append(Int64(number)) }
            guard numbers.count == 4 else { return nil }
            let span = SessionSpans(.init(first: numbers[0], until: numbers[1], started: numbers[2], last: numbers[3]))
            if spans?.add(span) == nil { spans = span }
        }
        guard let spans else { return nil }
        self = spans
    }
}

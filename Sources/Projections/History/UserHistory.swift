package import Consumption
package import EventLog
internal import EventModel
internal import RecordFormat

/// A user's whole story, newest first: the records that name the user, and those of ids that are known to be the user's. The index tells where
/// they may stand; the log itself, what they are.
package struct UserHistory: Sendable {
    /// Records that are read for one page, above which it ends early.
    private static let recordsMax = 20_000
    /// Bytes of events on one page, above which it ends early.
    private static let pageBytes = 8 << 20

    private let index: UserIndex
    private let aliases: Aliases
    private let feed: LogFeed
    private let topic: TopicDefinition

    package init(index: UserIndex, aliases: Aliases, feed: LogFeed, topic: TopicDefinition) {
        self.index = index
        self.aliases = aliases
        self.feed = feed
        self.topic = topic
    }

    package var partitionCount: Int { topic.partitionCount }

    /// - Parameter cut: what the first page is made of. One that the index and the aliases have reached is complete.
    /// - Returns: fewer events than asked for only where there are no more, or where a cursor says that the search goes on behind it.
    package func page(_ query: UserHistoryQuery, cut: LogCut) async throws -> UserHistoryPage {
        let cut = query.cursor?.cut ?? cut
        var sources = try await sources(query, cut)
        let reader = Reader(feed: feed, topic: topic.name, event: query.event)
        var page = UserHistoryPage()
        var (readCount, byteCount) = (0, 0)
        for number in sources.indices { try await advance(&sources[number], reader) }
        while let newest = Self.newest(sources), let head = sources[newest].head {
            if page.events.count >= query.limit || readCount >= Self.recordsMax || byteCount >= Self.pageBytes { return page }
            readCount += 1
            let partition = sources[newest].partition
            if let json = head.json {
                page.events.append(.init(partition: partition, offset: head.offset, time: head.time, json: json))
                byteCount += json.count
            }
            page.nextCursor = UserHistoryCursor(time: head.time, partition: partition, offset: head.offset, cut: cut)
            try await advance(&sources[newest], reader)
        }
        page.nextCursor = nil
        return page
    }

    // MARK: Sources

    private func sources(_ query: UserHistoryQuery, _ cut: LogCut) async throws -> [UserHistorySource] {
        // An anonymous visitor of whom nobody knows who it is can be asked for as well.
        let isKnown = try await !aliases.owners(of: query.user, cut: cut).isEmpty
        var sources = [try await source(query.user, isKnown ? .identified : .both, query, cut)]
        for interval in try await aliases.intervals(of: query.user, cut: cut) {
            sources.append(
                try await source(
                    interval.id, interval.takesUser ? .both : .anonymous, query, cut, after: interval.after,
                    through: interval.through))
        }
        return sources
    }

    private func source(
        _ key: ExactText, _ members: UserHistorySource.Members, _ query: UserHistoryQuery, _ cut: LogCut, after: Int64? = nil,
        through: Int64? = nil
    ) async throws -> UserHistorySource {
        let bytes = Array(key.string.utf8)
        let number = bytes.withUnsafeBytes { Murmur2.partition(of: $0, partitionCount: topic.partitionCount) }
        let partition = TopicPartition(topic.name, PartitionID(number))
        let bounds = try feed.bounds(of: partition)
        var offsets = (bounds.start.value)..<max(bounds.start.value, min(bounds.highWatermark.value, cut.ends[number]))
        /// The first offset of a record that is not older; times never fall in a partition.
        func offset(atOrAfter time: Int64) async throws -> Int64 {
            try await feed.offset(partition, atOrAfter: time)?.value ?? bounds.highWatermark.value
        }
        func keep(from low: Int64? = nil, to high: Int64? = nil) {
            offsets = offsets.clamped(to: (low ?? .min)..<max(low ?? .min, high ?? .max))
        }
        if let from = query.from { keep(from: try await offset(atOrAfter: from)) }
        if let to = query.to { keep(to: try await offset(atOrAfter: to)) }
        if let after { keep(from: try await offset(atOrAfter: after == .max ? after : after + 1)) }
        if let through, through < .max { keep(to: try await offset(atOrAfter: through + 1)) }
        if let cursor = query.cursor {
            if number == cursor.partition {
                keep(to: cursor.offset)
            } else {
                let time = number < cursor.partition && cursor.time < .max ? cursor.time + 1 : cursor.time
                keep(to: try await offset(atOrAfter: time))
            }
        }
        let mark = query.event.map { name in Array(name.string.utf8).withUnsafeBytes(Posting.nameMark) }
        return UserHistorySource(
            key: key, partition: number, members: members,
            places: index.places(of: bytes, partition: number, offsets: offsets, nameMark: mark))
    }

    // MARK: Merging

    /// The source whose next record is the newest: by time, then by partition and offset.
    private static func newest(_ sources: [UserHistorySource]) -> Int? {
        var newest: Int?
        for (number, source) in sources.enumerated() {
            guard let head = source.head else { continue }
            guard let best = newest, let other = sources[best].head else {
                newest = number
                continue
            }
            if (head.time, source.partition, head.offset) > (other.time, sources[best].partition, other.offset) {
                newest = number
            }
        }
        return newest
    }

    private func advance(_ source: inout UserHistorySource, _ reader: Reader) async throws {
        source.head = nil
        while true {
            if let offset = source.found.popFirst() {
                guard let candidate = try await reader.candidate(source, offset) else { continue }
                source.head = candidate
                return
            }
            guard source.places != nil else { return }
            let found = try await index.next(&source.places!)
            if found.isEmpty {
                source.places = nil
                return
            }
            source.found = found[...]
        }
    }

    /// Reads single records.
    private final class Reader {
        private let feed: LogFeed
        private let topic: TopicName
        private let event: ExactText?
        private let parser = JSONParser(depthMax: AliasEvent.depthMax)

        init(feed: LogFeed, topic: TopicName, event: ExactText?) {
            self.feed = feed
            self.topic = topic
            self.event = event
        }

        /// nil where nothing of this key is there: the record is lost, or another key has the same hash.
        func candidate(_ source: UserHistorySource, _ offset: Int64) async throws -> UserHistorySource.Candidate? {
            guard let batches = try await feed.read(TopicPartition(topic, PartitionID(source.partition)), from: offset)
            else { return nil }
            let place = batches.place(atOrAfter: offset)
            guard place < batches.count, batches.offset(at: place) == offset else { return nil }
            return batches.withRecord(at: place) { record in
                guard let key = record.key, key.elementsEqual(source.key.string.utf8) else { return nil }
                return .init(time: record.timestamp, offset: offset, json: json(record, source))
            }
        }

        private func json(_ record: RecordView, _ source: UserHistorySource) -> [UInt8]? {
            if let event, record.header("event")?.elementsEqual(event.string.utf8) != true { return nil }
            guard let value = record.value, let view = try? parser.parse(value), source.takes(view.root) else { return nil }
            return Array(value)
        }
    }
}

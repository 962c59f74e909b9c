package import RecordFormat

/// A record's place in the topic that is replayed.
package struct ReplayPlace: Hashable, Sendable {
    package let partition: Int
    package let offset: Int64

    package init(partition: Int, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }
}

/// Records of one partition that a replay writes at once.
package struct ReplayChunk: Sendable {
    package let partition: Int
    let batches: InflatedBatches
    /// Those of `batches` that are meant.
    let places: [Int]

    package func forEachRecord<Failure: Error>(_ body: (RecordView) throws(Failure) -> Void) throws(Failure) {
        for place in places { try batches.withRecord(at: place) { record throws(Failure) in try body(record) } }
    }

    /// From the first of its records to behind the last.
    package var offsets: Range<Int64> {
        guard let first = places.first, let last = places.last else { return 0..<0 }
        return batches.offset(at: first)..<batches.offset(at: last) + 1
    }

    /// The newest time among its records.
    package var lastTimestamp: Int64 { places.last.map(batches.timestamp) ?? 0 }
}

/// Where a replay writes to.
package protocol ReplayTarget: Sendable {
    /// What a replay remembers beside its positions, so that it finds again what it writes from now on.
    func mark() async throws -> [Int64]

    /// Which records a replay has written since `mark`, by where they come from.
    func written(by replay: String, since mark: [Int64]) async throws -> Set<ReplayPlace>

    /// Writes all of a chunk durably; where it throws, some of it may have been written.
    func write(_ chunk: ReplayChunk, of replay: String) async throws
}

/// That a replay can never go on.
package struct ReplayImpossible: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

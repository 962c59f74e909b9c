package import EventLog
package import RecordFormat
internal import Synchronization

/// A log's batches opened once for all consumers that come by: each piece is kept until newer ones need its room, and those who follow the
/// log's end at their own pace find there what another one has just read.
package final class LogFeed: Sendable {
    /// Bytes of stored batches in one read.
    private static let readBytes = 256 << 10
    /// What these may inflate to; ours take some six times their bytes, what repeats itself a hundred times.
    private static let inflatedBytesMax = 1 << 20

    private struct Piece {
        let batches: InflatedBatches
        /// What it was asked for from; a reader from an earlier offset needs others first.
        let offsets: Range<Int64>
        var usedAt: UInt64
    }

    private struct Place: Hashable {
        let partition: TopicPartition
        let offset: Int64
    }

    private typealias Reading = Task<Result<InflatedBatches?, LogError>, Never>

    private struct Kept {
        /// What is being read: who wants the same waits for it.
        var readings: [Place: Reading] = [:]
        var pieces: [TopicPartition: [Piece]] = [:]
        var byteCount = 0
        var useCount: UInt64 = 0
    }

    private let reader: any LogReader
    private let keptBytesMax: Int
    private let readBytes: Int
    private let executor: (any TaskExecutor)?
    private let kept = Mutex(Kept())

    /// - Parameters:
    ///   - keptBytesMax: inflated bytes that are kept for others.
    ///   - readBytes: of stored batches, in one read; at least one batch is read.
    ///   - executor: on which batches are inflated, whoever of the readers asks first; nil: wherever tasks run.
    package init(
        _ reader: any LogReader, keptBytesMax: Int = 4 << 20, readBytes: Int = readBytes, executor: (any TaskExecutor)? = nil
    ) {
        self.executor = executor
        self.reader = reader
        self.keptBytesMax = keptBytesMax
        self.readBytes = readBytes
    }

    package func growth(of topic: TopicName) -> GrowthSignal { reader.growth(of: topic) }

    package func bounds(of partition: TopicPartition) throws(LogError) -> OffsetBounds { try reader.bounds(of: partition) }

    package func settle(_ partition: TopicPartition) async throws(LogError) { try await reader.settle(partition) }

    package func offset(_ partition: TopicPartition, atOrAfter timestamp: Int64) async throws(LogError) -> Offset? {
        try await reader.offset(partition, atOrAfter: timestamp)
    }

    /// Batches of which the first holds `offset`; nil at the log's end.
    package func read(_ partition: TopicPartition, from offset: Int64) async throws(LogError) -> InflatedBatches? {
        if let known = known(partition, offset) { return known }
        let place = Place(partition: partition, offset: offset)
        let reading = kept.withLock { kept in
            if let reading = kept.readings[place] { return reading }
            let reading = Reading(executorPreference: executor) { await self.load(place) }
            kept.readings[place] = reading
            return reading
        }
        return try await reading.value.get()
    }

    private func load(_ place: Place) async -> Result<InflatedBatches?, LogError> {
        let result: Result<InflatedBatches?, LogError>
        do throws(LogError) {
            let batches = InflatedBatches(
                try await reader.read(place.partition, from: Offset(place.offset), maximumBytes: readBytes),
                inflatedBytesMax: Self.inflatedBytesMax)
            if let next = batches.nextOffset, next > place.offset {
                keep(batches, place.offset..<next, of: place.partition)
                result = .success(batches)
            } else {
                result = .success(nil)
            }
        } catch {
            result = .failure(error)
        }
        kept.withLock { _ = $0.readings.removeValue(forKey: place) }
        return result
    }

    private func known(_ partition: TopicPartition, _ offset: Int64) -> InflatedBatches? {
        kept.withLock { kept in
            guard let place = kept.pieces[partition]?.firstIndex(where: { $0.offsets.contains(offset) }) else { return nil }
            kept.useCount += 1
            kept.pieces[partition]?[place].usedAt = kept.useCount
            return kept.pieces[partition]?[place].batches
        }
    }

    private func keep(_ batches: InflatedBatches, _ offsets: Range<Int64>, of partition: TopicPartition) {
        if batches.byteCount > keptBytesMax { return }
        kept.withLock { kept in
            kept.useCount += 1
            kept.pieces[partition, default: []].append(Piece(batches: batches, offsets: offsets, usedAt: kept.useCount))
            kept.byteCount += batches.byteCount
            while kept.byteCount > keptBytesMax { Self.dropOldest(&kept) }
        }
    }

    private static func dropOldest(_ kept: inout Kept) {
        var oldest: (partition: TopicPartition, place: Int, usedAt: UInt64)?
        for (partition, pieces) in kept.pieces {
            for (place, piece) in pieces.enumerated() where piece.usedAt < oldest?.usedAt ?? .max {
                oldest = (partition, place, piece.usedAt)
            }
        }
        guard let oldest, let piece = kept.pieces[oldest.partition]?.remove(at: oldest.place) else { return }
        kept.byteCount -= piece.batches.byteCount
    }
}

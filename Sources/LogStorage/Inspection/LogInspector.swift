package import EventLog
package import RecordFormat

/// Reads a log directory without opening it for writing: works beside a running service, and on a copy.
package struct LogInspector: Sendable {
    private let directory: LogDirectory

    package init(_ directory: LogDirectory) { self.directory = directory }

    /// The topics, as the directory was made with.
    package func meta() throws(LogError) -> LogMeta {
        guard let meta = try directory.meta() else {
            throw LogError(
                .invalidArgument,
                "\(directory.path) holds no log (\(FileNames.meta) is missing); name the data directory with --data-dir")
        }
        return meta
    }

    package struct SegmentFile: Sendable {
        package let baseOffset: Int64
        package let path: String
        package let byteCount: Int
        /// The next segment's base; nil for the last one, which may still grow.
        package let endOffset: Int64?
        package let rules: BatchRules
        /// The file's beginning, without the suffix.
        package var stem: String { String(path.dropLast(FileNames.logSuffix.count)) }
    }

    /// A partition's segments in order.
    package func segments(of partition: TopicPartition) throws(LogError) -> [SegmentFile] {
        let folder = directory.directory(of: partition)
        let rules = BatchRules(try meta().topics.first { $0.name == partition.topic }?.wholeBatches)
        do throws(FileError) {
            guard try directory.fileSystem.exists(folder) else { return [] }
            let bases = try directory.fileSystem.list(folder)
                .compactMap { FileNames.baseOffset(of: $0, suffix: FileNames.logSuffix) }.sorted()
            var found: [SegmentFile] = []
            for (place, base) in bases.enumerated() {
                let path = "\(folder)/\(FileNames.segment(base, FileNames.logSuffix))"
                // Retention may have removed it since the folder was listed.
                guard let file = try directory.fileSystem.openIfThere(path, .readOnly) else { continue }
                defer { file.close() }
                found.append(
                    SegmentFile(
                        baseOffset: base, path: path, byteCount: try file.size(),
                        endOffset: place + 1 < bases.count ? bases[place + 1] : nil, rules: rules))
            }
            return found
        } catch {
            throw LogError(.io, error.description, partition: partition)
        }
    }

    package struct Summary: Sendable {
        package let partition: TopicPartition
        package let segments: Int
        package let byteCount: Int
        package let startOffset: Int64
        /// The offset behind the last record, also where only the journal has it.
        package let endOffset: Int64
        /// Files with bytes that recovery or repair has set aside.
        package let keptAside: [String]
    }

    /// Where the partitions end in the journal.
    package func journalEnds() throws(LogError) -> JournalTail { try JournalTail(directory, recordsOf: nil) }

    /// Sizes and offsets. Reads the last segment only.
    ///
    /// - Parameter journal: read before.
    package func summary(of partition: TopicPartition, _ journal: JournalTail) throws(LogError) -> Summary {
        let segments = try segments(of: partition)
        var end: Int64 = 0
        if let last = segments.last {
            end = last.baseOffset
            try forEachPiece(of: last) { piece in
                switch piece {
                case .batch(let header, _, _): end = header.nextOffset
                case .damage(let region): end = region.offsets.upperBound
                case .tail: break
                }
                return true
            }
        }
        return Summary(
            partition: partition, segments: segments.count, byteCount: segments.reduce(0) { $0 + $1.byteCount },
            startOffset: segments.first?.baseOffset ?? 0, endOffset: max(end, journal.end(of: partition)),
            keptAside: try keptAside(of: partition))
    }

    private func keptAside(of partition: TopicPartition) throws(LogError) -> [String] {
        let folder = directory.directory(of: partition)
        do throws(FileError) {
            guard try directory.fileSystem.exists(folder) else { return [] }
            return try directory.fileSystem.list(folder).filter {
                $0.contains(FileNames.tornInfix) || $0.contains(FileNames.damagedInfix)
            }.sorted()
        } catch {
            throw LogError(.io, error.description, partition: partition)
        }
    }

    /// What a segment's file consists of.
    package enum Piece {
        case batch(RecordBatchHeader, UnsafeRawBufferPointer, position: Int)
        case damage(DamagedRegion)
        /// Bytes behind the last whole batch.
        case tail(position: Int, nextOffset: Int64, reason: String)
    }

    /// Calls `body` with each piece of a segment in order until it returns false. A batch that could be mended comes as
    /// damage first, then as a batch.
    package func forEachPiece(
        of segment: SegmentFile, _ body: (Piece) throws(LogError) -> Bool
    ) throws(LogError) {
        do {
            let file = try directory.fileSystem.open(segment.path, .readOnly)
            defer { file.close() }
            var scanner = SegmentScanner(
                file, segmentBase: segment.baseOffset, from: 0, offset: segment.baseOffset, limit: segment.byteCount,
                endOffset: segment.endOffset, rules: segment.rules)
            while true {
                switch try scanner.next() {
                case .batch(let header, let position):
                    let bytes = try scanner.batchBytes(header, at: position)
                    guard try body(.batch(header, bytes, position: position)) else { return }
                case .damage(let region):
                    guard try pass(region, body) else { return }
                case .tail(let position, let nextOffset, let reason):
                    _ = try body(.tail(position: position, nextOffset: nextOffset, reason: reason))
                    return
                case .end: return
                }
            }
        } catch let error as LogError {
            throw error
        } catch {
            throw LogError(.io, "\(error)")
        }
    }

    private func pass(_ region: DamagedRegion, _ body: (Piece) throws(LogError) -> Bool) throws(LogError) -> Bool {
        guard try body(.damage(region)) else { return false }
        guard let mended = region.mended else { return true }
        var failure: LogError?
        let goesOn = mended.withUnsafeBytes { bytes in
            do throws(LogError) {
                guard let header = try? RecordBatchHeader(reading: bytes) else { return true }
                return try body(.batch(header, bytes, position: region.bytes.lowerBound))
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
        return goesOn
    }

    /// Calls `body` with each record of a partition from offset `first` up to, not including, `end`, and `onHole` with the
    /// offsets in between whose records are lost, and why. What the segments lack and the journal has is not lost.
    package func forEachRecord(
        of partition: TopicPartition, from first: Int64, to end: Int64,
        onHole: (_ offsets: Range<Int64>, _ reason: String) -> Void, _ body: (RecordView) -> Void
    ) throws(LogError) {
        let journal = try JournalTail(directory, recordsOf: partition)
        var reader = RecordBatchReader()
        var next: Int64 = 0
        func hole(_ offsets: Range<Int64>, _ reason: String) {
            let shown = offsets.clamped(to: first..<max(first, end))
            if !shown.isEmpty { onHole(shown, reason) }
        }
        func show(_ record: JournalTail.Record) {
            guard record.offset >= first, record.offset < end else { return }
            record.body.withUnsafeBytes { bytes in
                if let view = RecordView(ofBody: bytes, offset: record.offset, timestamp: record.timestamp) { body(view) }
            }
        }
        func fill(_ offsets: Range<Int64>, _ reason: String) {
            var next = offsets.lowerBound
            for record in journal.records(of: partition, from: next) where (next..<offsets.upperBound).contains(record.offset) {
                hole(next..<record.offset, reason)
                show(record)
                next = record.offset + 1
            }
            hole(next..<offsets.upperBound, reason)
        }
        for segment in try segments(of: partition) {
            if let segmentEnd = segment.endOffset, segmentEnd <= first { continue }
            if segment.baseOffset >= end { return }
            next = segment.baseOffset
            try forEachPiece(of: segment) { piece throws(LogError) in
                switch piece {
                case .tail: return false
                case .damage(let region):
                    next = region.offsets.upperBound
                    fill(region.lostOffsets, region.reason)
                    return region.offsets.lowerBound < end
                case .batch(let header, let bytes, _):
                    guard header.baseOffset < end else { return false }
                    next = header.nextOffset
                    guard header.nextOffset > first else { return true }
                    if header.isControlBatch {
                        hole(header.baseOffset..<header.nextOffset, HoleMarker.reason(in: bytes) ?? "a control batch")
                        return true
                    }
                    do throws(RecordFormatError) {
                        try reader.forEachRecord(in: bytes, header: header) { record in
                            if record.offset >= first && record.offset < end { body(record) }
                        }
                    } catch {
                        hole(header.baseOffset..<header.nextOffset, error.description)
                    }
                    return true
                }
            }
        }
        for record in journal.records(of: partition, from: next) where record.offset >= next {
            if record.offset > next { hole(next..<record.offset, "the journal's entry with these records is damaged") }
            next = record.offset + 1
            show(record)
        }
    }
}

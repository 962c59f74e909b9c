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
        /// The file's beginning, without the suffix.
        package var stem: String { String(path.dropLast(FileNames.logSuffix.count)) }
    }

    /// A partition's segments in order.
    package func segments(of partition: TopicPartition) throws(LogError) -> [SegmentFile] {
        let folder = directory.directory(of: partition)
        do throws(FileError) {
            guard try directory.fileSystem.exists(folder) else { return [] }
            let bases = try directory.fileSystem.list(folder)
                .compactMap { FileNames.baseOffset(of: $0, suffix: FileNames.logSuffix) }.sorted()
            var found: [SegmentFile] = []
            for base in bases {
                let path = "\(folder)/\(FileNames.segment(base, FileNames.logSuffix))"
                let file = try directory.fileSystem.open(path, .readOnly)
                defer { file.close() }
                found.append(SegmentFile(baseOffset: base, path: path, byteCount: try file.size()))
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
        /// The offset behind the last whole batch.
        package let endOffset: Int64
    }

    /// Sizes and offsets. Walks the heads of the last segment only.
    package func summary(of partition: TopicPartition) throws(LogError) -> Summary {
        let segments = try segments(of: partition)
        guard let last = segments.last else {
            return Summary(partition: partition, segments: 0, byteCount: 0, startOffset: 0, endOffset: 0)
        }
        var end = last.baseOffset
        try forEachBatch(in: last, checksums: false) { header, _ in
            end = header.nextOffset
            return true
        }
        return Summary(
            partition: partition, segments: segments.count, byteCount: segments.reduce(0) { $0 + $1.byteCount },
            startOffset: segments[0].baseOffset, endOffset: end)
    }

    /// Calls `body` with each whole batch of a segment until it returns false. Stops at what is not a batch.
    package func forEachBatch(
        in segment: SegmentFile, checksums: Bool,
        _ body: (RecordBatchHeader, UnsafeRawBufferPointer) throws(LogError) -> Bool
    ) throws(LogError) {
        do throws(FileError) {
            let file = try directory.fileSystem.open(segment.path, .readOnly)
            defer { file.close() }
            var walker = BatchWalker(
                file, from: 0, limit: segment.byteCount, expectedOffset: segment.baseOffset, checksums: checksums)
            while case .batch(let header, let position) = try walker.next() {
                let bytes = try walker.batchBytes(header, at: position)
                let goesOn: Bool
                do throws(LogError) { goesOn = try body(header, bytes) } catch {
                    throw FileError(operation: "read", path: segment.path, number: 0, reason: error.message)
                }
                if !goesOn { return }
            }
        } catch {
            throw LogError(.io, error.description)
        }
    }

    /// Calls `body` with each record of a partition from offset `first` up to, not including, `end`.
    package func forEachRecord(
        of partition: TopicPartition, from first: Int64, to end: Int64, _ body: (RecordView) -> Void
    ) throws(LogError) {
        var reader = RecordBatchReader()
        let segments = try segments(of: partition)
        for (place, segment) in segments.enumerated() {
            if place + 1 < segments.count, segments[place + 1].baseOffset <= first { continue }
            if segment.baseOffset >= end { return }
            try forEachBatch(in: segment, checksums: true) { header, bytes throws(LogError) in
                guard header.baseOffset < end else { return false }
                guard header.nextOffset > first else { return true }
                do throws(RecordFormatError) {
                    try reader.forEachRecord(in: bytes, header: header) { record in
                        if record.offset >= first && record.offset < end { body(record) }
                    }
                } catch {
                    throw LogError(.damaged, "\(partition): batch at offset \(header.baseOffset): \(error)")
                }
                return true
            }
        }
    }
}

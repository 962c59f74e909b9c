package import EventLog
internal import RecordFormat

/// Checks every byte of a log: that each batch is what was written, that offsets follow each other, and that every cache
/// says what the log says. Changes nothing.
package struct LogVerifier: Sendable {
    package struct Finding: Sendable, Equatable, CustomStringConvertible {
        package let path: String
        /// The byte in the file at which it begins; nil where the whole file is meant.
        package let position: Int?
        /// The offset that is, or should be, there.
        package let offset: Int64?
        package let problem: String

        package var description: String {
            let place = position.map { " at byte \($0)" } ?? ""
            let offset = offset.map { ", offset \($0)" } ?? ""
            return "\(path)\(place)\(offset): \(problem)"
        }
    }

    package struct Result: Sendable {
        package var findings: [Finding] = []
        /// Offsets whose records are lost and whose place a marker has taken: told, but no finding, since all is in order.
        package var holes: [(offsets: Range<Int64>, reason: String)] = []
        package var segments = 0
        package var batches = 0
        package var records = 0
        package var byteCount = 0
        /// Records that the journal has and the segments lack. Of a log that is in use, that is at once out of date.
        package var journaled = 0
    }

    private let directory: LogDirectory
    private let inspector: LogInspector
    private let hasher: RecordIdentityHasher
    /// Another process writes: above the recovery point the last batch may be half there, and caches may be behind.
    private let isInUse: Bool

    package init(_ directory: LogDirectory, meta: LogMeta, isInUse: Bool) {
        self.directory = directory
        self.inspector = LogInspector(directory)
        self.hasher = RecordIdentityHasher(key: meta.identityKey)
        self.isInUse = isInUse
    }

    /// Checks one partition. `onProgress` is told the bytes checked, as they are.
    package func verify(
        _ partition: TopicPartition, keepsIdentities: Bool, onProgress: (Int) -> Void
    ) throws(LogError) -> Result {
        var result = Result()
        var expected: Int64?
        var lastTimestamp = Int64.min
        let journal = try JournalTail(directory, recordsOf: partition)
        // Before the segments: what is below the point when it is read is on disk whatever a service does meanwhile.
        let point = try directory.recoveryPoints().offsets[partition] ?? 0
        let segments = try inspector.segments(of: partition)
        for segment in segments {
            do throws(FileError) {
                expected = try verify(
                    segment, of: partition, journal, belowPoint: segment.endOffset.map { $0 <= point } ?? false,
                    keepsIdentities: keepsIdentities,
                    lastTimestamp: &lastTimestamp, result: &result, onProgress: onProgress)
            } catch {
                // The rest can be read.
                expected = segment.endOffset
                result.findings.append(
                    Finding(path: segment.path, position: nil, offset: segment.baseOffset, problem: error.description))
            }
        }
        var next = expected ?? 0
        for record in journal.records(of: partition, from: next) where record.offset >= next {
            if record.offset > next {
                result.holes.append((next..<record.offset, "the journal's entry with these records is damaged"))
            }
            result.journaled += 1
            next = record.offset + 1
        }
        if let lost = lostEnd(of: partition, segments, expected, point: point) { result.findings.append(lost) }
        return result
    }

    private func lostEnd(
        of partition: TopicPartition, _ segments: [LogInspector.SegmentFile], _ expected: Int64?, point: Int64
    ) -> Finding? {
        guard let last = segments.last else {
            guard point > 0 else { return nil }
            return Finding(
                path: directory.directory(of: partition), position: nil, offset: 0,
                problem: "the log was synced up to offset \(point), and no segment is there")
        }
        guard let expected, expected < point else { return nil }
        return Finding(
            path: last.path, position: last.byteCount, offset: expected,
            problem: "the log was synced up to offset \(point), the records from \(expected) on are lost")
    }

    private func verify(
        _ segment: LogInspector.SegmentFile, of partition: TopicPartition, _ journal: JournalTail, belowPoint: Bool,
        keepsIdentities: Bool, lastTimestamp: inout Int64,
        result: inout Result, onProgress: (Int) -> Void
    ) throws(FileError) -> Int64? {
        // Retention may have removed it meanwhile.
        guard let file = try directory.fileSystem.openIfThere(segment.path, .readOnly) else { return segment.endOffset }
        defer { file.close() }
        var indexes = SegmentIndexes()
        var identities: [StoredIdentity] = []
        var next = segment.baseOffset
        var reader = RecordBatchReader()
        var scanner = SegmentScanner(
            file, segmentBase: segment.baseOffset, from: 0, offset: segment.baseOffset, limit: segment.byteCount,
            endOffset: segment.endOffset, rules: segment.rules)
        result.segments += 1
        scanning: while true {
            switch try scanner.next() {
            case .batch(let header, let position):
                func note(_ problem: String) {
                    result.findings.append(
                        Finding(path: segment.path, position: position, offset: header.baseOffset, problem: problem))
                }
                if let problem = segment.rules.problem(of: header, behind: lastTimestamp) { note(problem) }
                lastTimestamp = max(lastTimestamp, header.maxTimestamp)
                let bytes = try scanner.batchBytes(header, at: position)
                if header.isControlBatch {
                    result.holes.append(
                        (header.baseOffset..<header.nextOffset, HoleMarker.reason(in: bytes) ?? "a control batch"))
                } else {
                    var greatest = Int64.min
                    do throws(RecordFormatError) {
                        try reader.forEachRecord(in: bytes, header: header) { record in
                            greatest = max(greatest, record.timestamp)
                            if keepsIdentities, let stored = hasher.stored(record) { identities.append(stored) }
                        }
                        if greatest != header.maxTimestamp {
                            note("greatest timestamp is \(greatest), the head says otherwise")
                        }
                    } catch {
                        note(error.description)
                    }
                    result.records += Int(header.recordCount)
                }
                indexes.add(header, at: position, segmentBase: segment.baseOffset)
                next = header.nextOffset
                result.batches += 1
                result.byteCount += header.totalBytes
                onProgress(header.totalBytes)
            case .damage(let region):
                result.findings.append(
                    Finding(
                        path: segment.path, position: region.bytes.lowerBound, offset: region.offsets.lowerBound,
                        problem: region.description
                            + (journal.has(region.lostOffsets, of: partition)
                                ? "; the journal has these records: the next start puts them back"
                                : "; okla-events log repair sets it aside")))
                if let header = region.mendedHeader, let batch = region.mended {
                    indexes.add(header, at: region.bytes.lowerBound, segmentBase: segment.baseOffset)
                    try? batch.withUnsafeBytes { bytes in
                        try reader.forEachRecord(in: bytes, header: header) { record in
                            if keepsIdentities, let stored = hasher.stored(record) { identities.append(stored) }
                        }
                    }
                }
                next = region.offsets.upperBound
                onProgress(region.bytes.count)
            case .end: break scanning
            case .tail(let position, _, let reason):
                if !isInUse {
                    result.findings.append(
                        Finding(
                            path: segment.path, position: position, offset: next,
                            problem: reason + " (behind the last whole batch: the next start cuts it off)"))
                }
                break scanning
            }
        }
        let isLast = segment.endOffset == nil
        if !isLast { indexes.seal() }
        // Those of the last segment may end early: they are written at recovery points. A service may be writing them, and those of
        // segments that it has just closed, at this moment.
        let extent: Extent = isInUse && !belowPoint ? .beginning : isLast ? .prefix : .whole
        let before = result.findings.count
        try verifyIndexes(segment, indexes, extent, &result)
        if keepsIdentities { try verifyIdentities(segment, identities, end: next, extent, &result) }
        if result.findings.count > before, isInUse, try !directory.fileSystem.exists(segment.path) {
            // Retention was faster.
            result.findings.removeSubrange(before...)
        }
        return next
    }

    // MARK: Caches

    /// How far a cache must go.
    private enum Extent {
        /// It may end early or go on behind what was checked.
        case beginning
        /// It may end early.
        case prefix
        case whole
    }

    private func verifyIndexes(
        _ segment: LogInspector.SegmentFile, _ indexes: SegmentIndexes, _ extent: Extent, _ result: inout Result
    ) throws(FileError) {
        for (suffix, expected) in [
            (FileNames.indexSuffix, indexes.offsets.encoded()), (FileNames.timeIndexSuffix, indexes.times.encoded()),
        ] {
            let path = segment.stem + suffix
            let found = try directory.fileSystem.contents(of: path, byteCountMax: expected.count)
            let same = zip(found ?? [], expected).prefix { $0 == $1 }.count
            let isFine =
                switch extent {
                case .beginning: same == min(found?.count ?? 0, expected.count)
                case .prefix: same == found?.count ?? 0
                case .whole: found == expected
                }
            if isFine { continue }
            result.findings.append(
                Finding(
                    path: path, position: same, offset: nil,
                    problem: "\(found == nil ? "is missing" : "does not fit the log") (it is made anew when it is needed)"))
        }
    }

    private func verifyIdentities(
        _ segment: LogInspector.SegmentFile, _ identities: [StoredIdentity], end: Int64, _ extent: Extent,
        _ result: inout Result
    ) throws(FileError) {
        let path = segment.stem + FileNames.identitiesSuffix
        let byteCountMax = IdentityFile.byteCountMax(offsetCount: end - segment.baseOffset)
        let bytes = try directory.fileSystem.contents(of: path, byteCountMax: byteCountMax) ?? []
        let stored = bytes.withUnsafeBytes {
            IdentityFile.decode($0, segmentBase: segment.baseOffset, hasher: hasher)
        }
        let covered = identities.prefix { $0.offset.value < stored.coveredEnd }
        let isFine =
            switch extent {
            case .beginning: zip(identities, stored.entries).allSatisfy { $0 == $1 }
            case .prefix: stored.validBytes == bytes.count && covered.elementsEqual(stored.entries)
            case .whole:
                stored.validBytes == bytes.count && covered.elementsEqual(stored.entries) && stored.coveredEnd == end
            }
        if isFine { return }
        result.findings.append(
            Finding(
                path: path, position: stored.validBytes, offset: stored.coveredEnd,
                problem: "does not fit the log (it is made anew at the next start)"))
    }
}

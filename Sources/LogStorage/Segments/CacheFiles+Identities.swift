internal import EventLog
internal import RecordFormat

extension CacheFiles {
    /// A collector that goes on where the active segment's `.ids` file ends.
    ///
    /// - Parameter recoveryPoint: blocks that reach behind it are written again: the run before may have failed to sync them.
    func resumeIdentities(recoveryPoint: Int64) throws(FileError) -> IdentityCollector {
        guard let hasher else {
            return IdentityCollector(
                segmentBase: segment.baseOffset, hasher: nil, coveredEnd: segment.baseOffset, writtenBytes: 0)
        }
        var stored = storedEnd(hasher)
        if let end = stored?.coveredEnd, end > recoveryPoint { stored = nil }
        let (coveredEnd, byteCount) = stored ?? cutToWholeBlocks(hasher, recoveryPoint: recoveryPoint)
        var collector = IdentityCollector(
            segmentBase: segment.baseOffset, hasher: hasher, coveredEnd: coveredEnd, writtenBytes: byteCount)
        for identity in try identitiesInLog(from: coveredEnd, hasher) { collector.append(identity) }
        return collector
    }

    /// How far the active segment's file goes, as its last block says: what is before it is read, and checked, by those who need it.
    /// nil: it does not end with a block of this segment's that more can follow.
    private func storedEnd(_ hasher: RecordIdentityHasher) -> (coveredEnd: Int64, byteCount: Int)? {
        guard let reader = ((try? identityReader()) ?? nil), let last = ((try? reader.previous()) ?? nil) else { return nil }
        let end = last.offsets.upperBound
        guard end <= segment.nextOffset, (end - segment.baseOffset) % IdentityBlock.offsetsMax == 0,
            (last.offsets.lowerBound == segment.baseOffset) == (reader.position == 0)
        else { return nil }
        return (end, reader.position + last.byteCount)
    }

    /// The same of a file that is missing or ends with something else: what is behind its whole blocks goes, and those that reach
    /// behind the recovery point.
    private func cutToWholeBlocks(
        _ hasher: RecordIdentityHasher, recoveryPoint: Int64
    ) -> (coveredEnd: Int64, byteCount: Int) {
        var stored = storedIdentities(hasher, upTo: recoveryPoint)
        let isOfActiveSegment = (stored.coveredEnd - segment.baseOffset) % IdentityBlock.offsetsMax == 0
        if stored.coveredEnd > segment.nextOffset || !isOfActiveSegment {
            stored.restart(at: segment.baseOffset)
        }
        if stored.fileBytes > stored.validBytes {
            // It would be found again at each start. Not being able to cut it costs no more.
            try? CacheWrite(
                path: segment.path(FileNames.identitiesSuffix), piece: .init(position: stored.validBytes, bytes: [])
            ).perform(fileSystem)
        }
        return (stored.coveredEnd, stored.validBytes)
    }

    /// Reads the file from its end; nil: there is none, or one that is longer than it can be.
    func identityReader() throws(FileError) -> IdentityFileReader? {
        guard let hasher, let file = try fileSystem.openIfThere(segment.path(FileNames.identitiesSuffix), .readOnly) else {
            return nil
        }
        let byteCount: Int
        do throws(FileError) {
            byteCount = try file.size()
        } catch {
            file.close()
            throw error
        }
        guard byteCount <= IdentityFile.byteCountMax(offsetCount: segment.nextOffset - segment.baseOffset) else {
            file.close()
            return nil
        }
        return IdentityFileReader(file, byteCount: byteCount, segmentBase: segment.baseOffset, hasher: hasher)
    }

    /// Every identity of the segment's published records, in offset order, from the file's valid beginning and from the log for
    /// the rest.
    func identities() throws(FileError) -> [StoredIdentity] {
        guard let hasher else { return [] }
        var stored = storedIdentities(hasher)
        let end = segment.nextOffset
        if stored.coveredEnd > end { stored.restart(at: segment.baseOffset) }
        if stored.coveredEnd == end { return stored.entries }
        let rest = try identitiesInLog(from: stored.coveredEnd, hasher)
        return stored.entries + rest
    }

    /// Writes a closed segment's `.ids` file anew where it reaches behind the recovery point: the run before may have failed to sync
    /// it. One that ends before is completed by those who need it.
    func renewIdentities(recoveryPoint: Int64) throws(FileError) {
        guard let hasher, storedIdentities(hasher).coveredEnd > recoveryPoint else { return }
        try writeIdentities(hasher)
    }

    /// Writes a closed segment's `.ids` file anew where it is not whole.
    func completeIdentities() throws(FileError) {
        guard let hasher else { return }
        let stored = storedIdentities(hasher)
        if stored.coveredEnd == segment.nextOffset && stored.fileBytes == stored.validBytes { return }
        try writeIdentities(hasher)
    }

    private func writeIdentities(_ hasher: RecordIdentityHasher) throws(FileError) {
        var collector = IdentityCollector(
            segmentBase: segment.baseOffset, hasher: hasher, coveredEnd: segment.baseOffset, writtenBytes: 0)
        for identity in try identitiesInLog(from: segment.baseOffset, hasher) { collector.append(identity) }
        guard let piece = collector.takeBlocks(upTo: segment.nextOffset, sealed: true) else { return }
        try CacheWrite(path: segment.path(FileNames.identitiesSuffix), piece: piece).perform(fileSystem)
    }

    private func storedIdentities(_ hasher: RecordIdentityHasher, upTo end: Int64 = .max) -> IdentityFile.Contents {
        let byteCountMax = IdentityFile.byteCountMax(offsetCount: segment.nextOffset - segment.baseOffset)
        guard let bytes = stored(FileNames.identitiesSuffix, byteCountMax: byteCountMax) else {
            return IdentityFile.Contents(coveredEnd: segment.baseOffset)
        }
        return bytes.withUnsafeBytes {
            IdentityFile.decode($0, segmentBase: segment.baseOffset, hasher: hasher, upTo: end)
        }
    }

    /// The identities of the published records from `offset` on, in offset order.
    func identitiesInLog(
        from offset: Int64, _ hasher: RecordIdentityHasher
    ) throws(FileError) -> [StoredIdentity] {
        guard offset < segment.nextOffset else { return [] }
        let entry = segment.loadedIndexes?.offsets.position(atOrBefore: Int32(clamping: offset - segment.baseOffset))
        var start = (position: 0, offset: segment.baseOffset)
        if let entry, let header = try header(at: entry) { start = (Int(entry.position), header.baseOffset) }
        var found: [StoredIdentity] = []
        var reader = RecordBatchReader()
        var scanner = SegmentScanner(
            segment.log, segmentBase: segment.baseOffset, from: start.position, offset: start.offset,
            limit: segment.readableBytes, endOffset: segment.nextOffset, rules: segment.rules)
        while true {
            switch try scanner.next() {
            case .batch(let header, let position):
                guard header.lastOffset >= offset else { continue }
                let bytes = try scanner.batchBytes(header, at: position)
                // The checksum holds: a batch that does not open was written so, and has no identities to give.
                try? reader.forEachRecord(in: bytes, header: header) { record in
                    if record.offset >= offset, let stored = hasher.stored(record) { found.append(stored) }
                }
            case .damage(let region):
                // What the mended batch holds counts; what is lost may be sent again.
                guard let batch = region.mended else { continue }
                batch.withUnsafeBytes { batch in
                    guard let header = try? RecordBatchHeader(reading: batch) else { return }
                    try? reader.forEachRecord(in: batch, header: header) { record in
                        if record.offset >= offset, let stored = hasher.stored(record) { found.append(stored) }
                    }
                }
            case .end, .tail: return found
            }
        }
    }
}

extension RecordIdentityHasher {
    /// What the `.ids` file says of a record; nil where it has no messageId.
    func stored(_ record: RecordView) -> StoredIdentity? {
        guard let messageID = record.header("messageId") else { return nil }
        return StoredIdentity(
            identity: identity(of: messageID), offset: Offset(record.offset),
            timestampSeconds: UInt32(clamping: record.timestamp / 1000))
    }
}

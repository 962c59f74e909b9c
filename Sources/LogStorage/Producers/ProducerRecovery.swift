internal import EventLog
internal import RecordFormat

/// Finds out at a start what a partition's producers have written: from the newest snapshot that fits, and the batches behind it.
struct ProducerRecovery {
    let directory: String
    let fileSystem: any FileSystem

    struct Result: Sendable {
        var table = ProducerTable()
        /// Where the snapshot stands that it began with; nil: there was none.
        var snapshot: Int64?
    }

    /// - Parameter segments: as they were recovered.
    func recover(_ segments: [Segment]) throws(FileError) -> Result {
        let end = segments.last?.nextOffset ?? 0
        let snapshot = try newestSnapshot(atOrBefore: end)
        var table = snapshot?.table ?? ProducerTable()
        let start = snapshot?.offset ?? 0
        for segment in segments where segment.nextOffset > start { try add(segment, from: start, to: &table) }
        return Result(table: table, snapshot: snapshot?.offset)
    }

    private func newestSnapshot(atOrBefore end: Int64) throws(FileError) -> ProducerSnapshot? {
        let offsets = try fileSystem.list(directory).compactMap {
            FileNames.baseOffset(of: $0, suffix: ProducerSnapshot.suffix)
        }
        var found: ProducerSnapshot?
        for offset in offsets.sorted(by: >) {
            let path = "\(directory)/\(FileNames.segment(offset, ProducerSnapshot.suffix))"
            if found == nil, offset <= end {
                // One that cannot be read, or is none, is as good as none.
                let bytes = (try? fileSystem.contents(of: path, byteCountMax: ProducerSnapshot.byteCountMax)) ?? nil
                found = bytes.flatMap(ProducerSnapshot.init(decoding:)).flatMap { $0.offset == offset ? $0 : nil }
            }
            // A run that ended in between has left more than one; nothing depends on their going.
            if found?.offset != offset { try? fileSystem.remove(path) }
        }
        return found
    }

    private func add(_ segment: Segment, from offset: Int64, to table: inout ProducerTable) throws(FileError) {
        var start = (position: 0, offset: segment.baseOffset)
        if let entry = segment.loadedIndexes?.offsets.position(atOrBefore: Int32(clamping: offset - segment.baseOffset)),
            let header = try CacheFiles(segment: segment, fileSystem: fileSystem, hasher: nil).header(at: entry)
        {
            start = (Int(entry.position), header.baseOffset)
        }
        var scanner = SegmentScanner(
            segment.log, segmentBase: segment.baseOffset, from: start.position, offset: start.offset,
            limit: segment.readableBytes,
            endOffset: segment.nextOffset, rules: segment.rules)
        while true {
            switch try scanner.next() {
            case .batch(let header, _): if header.baseOffset >= offset { table.note(header) }
            case .damage(let region):
                if let header = region.mendedHeader, header.baseOffset >= offset { table.note(header) }
            case .end, .tail: return
            }
        }
    }
}

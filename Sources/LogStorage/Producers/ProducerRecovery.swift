internal import EventLog
internal import RecordFormat

/// Finds out at a start what a partition's producers have written: from the newest snapshot that fits, and the batches behind it.
struct ProducerRecovery {
    let directory: String
    let fileSystem: any FileSystem

    /// - Parameter segments: as they were recovered.
    func table(of segments: [Segment]) throws(FileError) -> ProducerTable {
        let end = segments.last?.nextOffset ?? 0
        let snapshot = try newestSnapshot(atOrBefore: end)
        var table = snapshot?.table ?? ProducerTable()
        let start = snapshot?.offset ?? 0
        for segment in segments where segment.nextOffset > start { try add(segment, from: start, to: &table) }
        return table
    }

    private func newestSnapshot(atOrBefore end: Int64) throws(FileError) -> ProducerSnapshot? {
        let offsets = try fileSystem.list(directory).compactMap {
            FileNames.baseOffset(of: $0, suffix: ProducerSnapshot.suffix)
        }
        for offset in offsets.sorted(by: >) where offset <= end {
            let path = "\(directory)/\(FileNames.segment(offset, ProducerSnapshot.suffix))"
            // One that cannot be read, or is none, is as good as none.
            let bytes = (try? fileSystem.contents(of: path, byteCountMax: ProducerSnapshot.byteCountMax)) ?? nil
            if let snapshot = bytes.flatMap(ProducerSnapshot.init(decoding:)), snapshot.offset == offset { return snapshot }
        }
        return nil
    }

    private func add(_ segment: Segment, from offset: Int64, to table: inout ProducerTable) throws(FileError) {
        var start = (position: 0, offset: segment.baseOffset)
        if let entry = segment.loadedIndexes?.offsets.position(atOrBefore: Int32(clamping: offset - segment.baseOffset)),
            let header = try CacheFiles(segment: segment, fileSystem: fileSystem, hasher: nil).header(at: entry)
        {
            start = (Int(entry.position), header.baseOffset)
        }
        var scanner = SegmentScanner(
            segment.log, segmentBase: segment.baseOffset, from: start.position, offset: start.offset, limit: segment.readableBytes,
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

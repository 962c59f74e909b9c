package import EventLog
internal import RecordFormat

/// Collects the identities of a segment's records until they fill blocks of its `.ids` file.
package struct IdentityCollector: Sendable {
    private let segmentBase: Int64
    /// nil: the topic keeps no identities, and nothing is ever collected.
    private let hasher: RecordIdentityHasher?
    private var entries: [StoredIdentity] = []
    /// The first offset that no written block covers.
    private var coveredEnd: Int64
    /// Where the next block goes in the file.
    private var writtenBytes: Int

    package init(segmentBase: Int64, hasher: RecordIdentityHasher?, coveredEnd: Int64, writtenBytes: Int) {
        self.segmentBase = segmentBase
        self.hasher = hasher
        self.coveredEnd = coveredEnd
        self.writtenBytes = writtenBytes
    }

    /// Identities not yet in a block.
    package var pending: [StoredIdentity] { entries }

    package mutating func append(_ identity: StoredIdentity) {
        if hasher != nil { entries.append(identity) }
    }

    /// Forgets the identities at `offset` and behind: their records were never published.
    package mutating func removeAll(from offset: Int64) {
        while let last = entries.last, last.offset.value >= offset { entries.removeLast() }
    }

    /// Takes what fills whole blocks below `end`, or, where the segment is closed, all of it. nil: nothing to write.
    package mutating func takeBlocks(upTo end: Int64, sealed: Bool) -> CacheWrite.Piece? {
        guard let hasher else { return nil }
        var target = GrowableBytes()
        var taken = 0
        while coveredEnd < end {
            let blockEnd = min(coveredEnd + IdentityBlock.offsetsMax, end)
            guard sealed || blockEnd - coveredEnd == IdentityBlock.offsetsMax else { break }
            var next = taken
            while next < entries.count, entries[next].offset.value < blockEnd { next += 1 }
            IdentityBlock.append(
                entries[taken..<next], covering: coveredEnd..<blockEnd, segmentBase: segmentBase, hasher: hasher,
                to: &target)
            taken = next
            coveredEnd = blockEnd
        }
        guard target.count > 0 else { return nil }
        entries.removeFirst(taken)
        defer { writtenBytes += target.count }
        return CacheWrite.Piece(position: writtenBytes, bytes: Array(copying: target))
    }
}

internal import EventLog

/// Gives the identities of a segment's published records, newest first: from its `.ids` file, block by block, as far as that is
/// good, and from the log for the rest.
struct SegmentIdentities {
    private let caches: CacheFiles
    private let isClosed, isWritable: Bool
    /// Those from here on were given.
    private var end: Int64
    private var isOpened = false
    /// nil: the file is of no more use.
    private var reader: IdentityFileReader?
    private var nextBlock: IdentityBlock?
    private var isMended = false

    /// - Parameters:
    ///   - isClosed: the segment gets no more records, so its file can be made anew.
    ///   - isWritable: its partition is, so a file that is of no use can be removed.
    init(_ caches: CacheFiles, isClosed: Bool, isWritable: Bool) {
        self.caches = caches
        self.isClosed = isClosed
        self.isWritable = isWritable
        end = caches.segment.nextOffset
    }

    /// Those before the ones given last, in offset order; a piece may be empty. nil: all were given.
    mutating func previous() throws(FileError) -> [StoredIdentity]? {
        guard let hasher = caches.hasher, end > caches.segment.baseOffset else { return nil }
        if !isOpened {
            isOpened = true
            open()
            // The newest records of the segment that is written to are in no block yet.
            if !isClosed, let covered = nextBlock?.offsets.upperBound, covered < end {
                defer { end = covered }
                return try caches.identitiesInLog(from: covered, hasher)
            }
        }
        if nextBlock?.offsets.upperBound != end { mend() }
        guard let block = nextBlock else {
            let all = try caches.identities()
            defer { end = caches.segment.baseOffset }
            return Array(all[..<all.partitionPoint { $0.offset.value >= end }])
        }
        end = block.offsets.lowerBound
        step()
        return block.entries
    }

    private mutating func open() {
        reader = (try? caches.identityReader()) ?? nil
        step()
    }

    /// Reads the block before. One that cannot be read is as good as none.
    private mutating func step() {
        nextBlock = (try? reader?.previous()) ?? nil
        guard let reader, let first = nextBlock?.offsets.lowerBound else { return }
        // The file begins with the segment's first block.
        if (reader.position == 0) != (first == caches.segment.baseOffset) { nextBlock = nil }
    }

    /// The file has not what comes next. A closed segment's is made anew, where it can be; that of the one that is written to goes,
    /// so that the next start makes it anew.
    private mutating func mend() {
        nextBlock = nil
        if isMended { return }
        isMended = true
        if isClosed {
            guard (try? caches.completeIdentities()) != nil else { return }
            open()
            while let block = nextBlock, block.offsets.upperBound > end { step() }
            if nextBlock?.offsets.upperBound != end { nextBlock = nil }
        } else if isWritable, let reader, reader.byteCount > 0 {
            try? caches.fileSystem.remove(caches.segment.path(FileNames.identitiesSuffix))
        }
    }
}

import EventLog
import LogStorage
import RecordFormat
import TestSupport
import Testing

/// What `log verify` must find although every checksum holds, and in caches.
@Suite struct VerifierTests {
    // MARK: Batches that were written wrong

    /// Four batches of two records in one segment, closed; where each begins.
    private func prepare() throws -> (log: SimulatedLog, starts: [Int]) {
        let log = SimulatedLog()
        let core = try log.open()
        var starts: [Int] = []
        for number in 0..<4 {
            starts.append(core.partitions[0].segments[0].readableBytes)
            log.append(["value-\(number)", "more-\(number)"], to: core, timestamp: 1000 + Int64(number) * 10)
        }
        core.close()
        #expect(try log.verify().findings == [])
        return (log, starts)
    }

    /// Changes the head of a stored batch and states its checksum anew, so that nothing but the change can be found.
    private func rewriteHead(
        _ log: SimulatedLog, segment base: Int64 = 0, at start: Int, _ change: (inout RecordBatchHeader) -> Void
    ) throws {
        var bytes = try #require(log.fileSystem.bytes(log.segment(base)))
        try bytes.withUnsafeMutableBytes { bytes in
            let batch = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
            var header = try RecordBatchReader.checkedHeader(UnsafeRawBufferPointer(batch))
            change(&header)
            header.seal(batch.baseAddress!, byteCount: header.totalBytes)
        }
        log.fileSystem.put(bytes, at: log.segment(base))
    }

    /// A finding as it is printed.
    private func finding(
        _ path: String, at position: Int, offset: Int64? = nil, _ problem: String
    ) -> String {
        "\(path) at byte \(position)\(offset.map { ", offset \($0)" } ?? ""): \(problem)"
    }

    private func findings(_ log: SimulatedLog) throws -> [String] { try log.verify().findings.map(\.description) }

    @Test func aBatchOfFewerRecordsThanItHoldsIsFound() throws {
        let (log, starts) = try prepare()
        // The end of what was synced would tell it too.
        log.fileSystem.delete(SimulatedLog.recoveryPoints)
        let bytes = log.fileSystem.bytes(log.segment(0))!
        try rewriteHead(log, at: starts[3]) { header in
            header.recordCount = 1
            header.lastOffsetDelta = 0
        }
        let records = try records(bytes, at: starts[3])
        let left = records.byteCount - records.firstBytes
        #expect(
            try findings(log) == [finding(log.segment(0), at: starts[3], offset: 6, "\(left) bytes behind the last record")])
    }

    @Test func aBatchOfMoreRecordsThanItHoldsIsFound() throws {
        let (log, starts) = try prepare()
        let bytes = log.fileSystem.bytes(log.segment(0))!
        try rewriteHead(log, at: starts[3]) { header in
            header.recordCount = 3
            header.lastOffsetDelta = 2
        }
        let recordsBytes = try records(bytes, at: starts[3]).byteCount
        #expect(
            try findings(log) == [
                finding(log.segment(0), at: starts[3], offset: 6, "record 2 is malformed at byte \(recordsBytes) of the records")
            ])
    }

    @Test func aRecordCountThatItsOffsetsDenyIsFound() throws {
        let (log, starts) = try prepare()
        try rewriteHead(log, at: starts[1]) { $0.recordCount = 3 }
        #expect(
            try findings(log) == [
                finding(
                    log.segment(0), at: starts[1], offset: 2,
                    "damage in bytes \(starts[1]) to \(starts[2]) (implausible record count 3 with last offset delta 1): "
                        + "the records of offsets 2 to 3 are lost; okla-events log repair sets it aside")
            ])
    }

    /// The records of the batch at `start`, and the size of the first one, its length included.
    private func records(_ bytes: [UInt8], at start: Int) throws -> (byteCount: Int, firstBytes: Int) {
        try bytes.withUnsafeBytes { bytes in
            let batch = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let header = try RecordBatchReader.checkedHeader(batch)
            #expect(header.codec == 3)
            var decompressor = LZ4Decompressor()
            var inflated = GrowableBytes()
            try decompressor.decompress(
                UnsafeRawBufferPointer(rebasing: batch[RecordBatchHeader.byteCount..<header.totalBytes]),
                appendingTo: &inflated, limit: 10_000)
            var position = 0
            let length = try #require(Varint.read(inflated.bytes, at: &position))
            return (inflated.count, position + Int(length))
        }
    }

    @Test func aMaxTimestampThatIsNotTheGreatestIsFound() throws {
        for (number, by) in [(1, -1), (1, 1), (3, -5), (3, 1)] as [(Int, Int64)] {
            let (log, starts) = try prepare()
            try rewriteHead(log, at: starts[number]) { $0.maxTimestamp += by }
            #expect(
                try findings(log) == [
                    finding(
                        log.segment(0), at: starts[number], offset: Int64(number * 2),
                        "greatest timestamp is \(1000 + number * 10), the head says otherwise")
                ])
        }
    }

    @Test func aBatchEarlierThanTheOneBeforeIsFound() throws {
        for (by, isFound) in [(-10, false), (-11, true)] as [(Int64, Bool)] {
            let (log, starts) = try prepare()
            // The records' times follow from the base, so the greatest moves with it.
            try rewriteHead(log, at: starts[2]) { header in
                header.baseTimestamp += by
                header.maxTimestamp += by
            }
            #expect(
                try findings(log)
                    == (isFound
                        ? [finding(log.segment(0), at: starts[2], offset: 4, "timestamp is before that of the record before it")]
                        : []))
        }
    }

    @Test func aBatchEarlierThanTheLastOneOfTheSegmentBeforeIsFound() throws {
        var log = SimulatedLog()
        log.options.segmentBytes = 200
        let core = try log.open()
        for number in 0..<3 { log.append(["value-\(number)"], to: core, timestamp: 1000 + Int64(number) * 10) }
        let bases = core.partitions[0].segments.map(\.baseOffset)
        core.close()
        let last = try #require(bases.last)
        #expect(bases.count > 1 && last > 0)
        #expect(try log.verify().findings == [])
        try rewriteHead(log, segment: last, at: 0) { header in
            header.baseTimestamp -= 11
            header.maxTimestamp -= 11
        }
        #expect(
            try findings(log) == [
                finding(log.segment(last), at: 0, offset: last, "timestamp is before that of the record before it")
            ])
    }

    // MARK: Caches

    /// A closed segment of more than one block of identities, and a last one; the end of the first.
    private func prepareSegments() throws -> (log: SimulatedLog, files: [String: [UInt8]], end: Int64) {
        let (log, bases) = try SimulatedLog.ofSegments(2, lastBytes: 20_000)
        let end = bases[1]
        #expect(end > Self.blockOffsets && end < 2 * Self.blockOffsets)
        #expect(try log.verify().findings == [])
        return (log, log.files(), end)
    }

    // As FileFormats.md says.
    private static let blockOffsets: Int64 = 1024
    private static let headBytes = 28
    private static let runBytes = 6
    private static let identityBytes = 12
    private static let footBytes = 4
    private static func blockBytes(_ count: Int64, runs: Int) -> Int {
        headBytes + runs * runBytes + Int(count) * identityBytes + footBytes
    }
    /// The first 1000 records are of one second, the others of the next one.
    private static let wholeBlockBytes = blockBytes(blockOffsets, runs: 2)

    private func expect(
        _ log: SimulatedLog, _ files: [String: [UInt8]], _ path: String, _ bytes: [UInt8]?, at position: Int,
        offset: Int64? = nil, _ problem: String, _ comment: Comment
    ) throws {
        log.restore(files)
        if let bytes { log.fileSystem.put(bytes, at: path) } else { log.fileSystem.delete(path) }
        #expect(
            try findings(log)
                == [finding(path, at: position, offset: offset, problem)], comment)
    }

    @Test(arguments: [FileNames.indexSuffix, FileNames.timeIndexSuffix])
    func anIndexOfAClosedSegmentThatDoesNotFitTheLogIsFound(_ suffix: String) throws {
        let (log, files, _) = try prepareSegments()
        let path = log.segment(0, suffix)
        let bytes = try #require(files[path])
        let segmentBytes = files[log.segment(0)]!.count
        let isOffsets = suffix == FileNames.indexSuffix
        let entryBytes = isOffsets ? OffsetIndex.entryBytes : TimeIndex.entryBytes
        func parses(_ bytes: [UInt8]) -> Bool {
            isOffsets
                ? OffsetIndex(decoding: bytes, segmentBytes: segmentBytes) != nil : TimeIndex(decoding: bytes) != nil
        }
        let entries = bytes.count / entryBytes
        #expect(entries > 10 && parses(bytes))
        let misfit = "does not fit the log (it is made anew when it is needed)"
        // The last byte of each of an entry's two fields, one less: entries lie further apart.
        for entry in [0, entries / 2, entries - 1] {
            for place in [entryBytes - 5, entryBytes - 1].map({ entry * entryBytes + $0 }) {
                var changed = bytes
                // Downwards with a borrow, so that the order stays.
                var byte = place
                while changed[byte] == 0 {
                    changed[byte] = 255
                    byte -= 1
                }
                changed[byte] -= 1
                #expect(parses(changed), "byte \(place)")
                try expect(log, files, path, changed, at: byte, misfit, "byte \(place)")
            }
        }
        let fewer = Array(bytes.dropLast(entryBytes))
        #expect(parses(fewer))
        try expect(log, files, path, fewer, at: fewer.count, misfit, "an entry less")
        let torn = Array(bytes.dropLast(5))
        try expect(log, files, path, torn, at: torn.count, misfit, "a cut entry")
        try expect(log, files, path, [], at: 0, misfit, "emptied")
        try expect(log, files, path, bytes + [0], at: bytes.count, misfit, "a byte more")
        try expect(
            log, files, path, nil, at: 0, "is missing (it is made anew when it is needed)", "removed")
    }

    /// The block that begins at `start` with its checksum stated anew, so that it parses.
    private func sealed(_ bytes: [UInt8], block start: Int) -> [UInt8] {
        var bytes = bytes
        let end = min(start + Self.wholeBlockBytes, bytes.count)
        let checksum = bytes[(start + 8)..<end].withUnsafeBytes { CRC32C.checksum($0) }
        bytes.replaceSubrange(start + 4..<start + 8, with: withUnsafeBytes(of: checksum.littleEndian, Array.init))
        return bytes
    }

    @Test func identitiesOfAClosedSegmentThatDoNotFitTheLogAreFound() throws {
        let (log, files, end) = try prepareSegments()
        let path = log.segment(0, FileNames.identitiesSuffix)
        let bytes = try #require(files[path])
        let blocks = [0, Self.wholeBlockBytes]
        #expect(bytes.count == Self.wholeBlockBytes + Self.blockBytes(end - Self.blockOffsets, runs: 1))
        for block in blocks { #expect(sealed(bytes, block: block) == bytes, "this test states checksums as the log does") }
        let misfit = "does not fit the log (it is made anew at the next start)"
        for block in blocks {
            // The time, and an entry's two words.
            let entry = Self.headBytes + (block == 0 ? 2 : 1) * Self.runBytes + 3 * Self.identityBytes
            for field in [Self.headBytes, entry, entry + 8] {
                var changed = bytes
                changed[block + field] ^= 1
                try expect(
                    log, files, path, sealed(changed, block: block), at: bytes.count, offset: end, misfit,
                    "field \(field), sealed")
                let isFirst = block == 0
                try expect(
                    log, files, path, changed, at: isFirst ? 0 : block, offset: isFirst ? 0 : Self.blockOffsets, misfit,
                    "field \(field)")
            }
        }
        try expect(
            log, files, path, Array(bytes[..<Self.wholeBlockBytes]), at: Self.wholeBlockBytes, offset: Self.blockOffsets,
            misfit, "a block less")
        try expect(
            log, files, path, Array(bytes.dropLast(5)), at: Self.wholeBlockBytes, offset: Self.blockOffsets, misfit,
            "a cut block")
        try expect(log, files, path, bytes + [0], at: bytes.count, offset: end, misfit, "a byte more")
        try expect(log, files, path, nil, at: 0, offset: 0, misfit, "removed")
    }

    @Test func indexesOfTheLastSegmentMayEndEarlyButSayNothingElse() throws {
        let (log, files, end) = try prepareSegments()
        for (suffix, entryBytes) in [
            (FileNames.indexSuffix, OffsetIndex.entryBytes), (FileNames.timeIndexSuffix, TimeIndex.entryBytes),
        ] {
            let path = log.segment(end, suffix)
            let bytes = try #require(files[path])
            #expect(bytes.count > entryBytes)
            log.restore(files)
            log.fileSystem.put(Array(bytes.dropLast(entryBytes)), at: path)
            #expect(try log.verify().findings == [])
            var changed = bytes
            changed[bytes.count - 1] ^= 1
            try expect(
                log, files, path, changed, at: bytes.count - 1,
                "does not fit the log (it is made anew when it is needed)", "changed")
            try expect(
                log, files, path, bytes + bytes.suffix(entryBytes), at: bytes.count,
                "does not fit the log (it is made anew when it is needed)", "ahead")
        }
    }
}

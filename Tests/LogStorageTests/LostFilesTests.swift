import EventLog
import LogStorage
import TestSupport
import Testing

/// Whole files that are gone, are not what they were, or never belonged there.
@Suite struct LostFilesTests {
    /// Ten records in each of two partitions, closed.
    private func prepare(segmentBytes: Int = 1 << 20) throws -> SimulatedLog {
        var log = SimulatedLog()
        log.partitionCount = 2
        log.options.segmentBytes = segmentBytes
        let core = try log.open()
        for number in 0..<10 {
            let group = LogContents.group(
                [(0, "value-\(number)"), (1, "other-\(number)")], timestamp: 1000 + Int64(number), hasher: core.identityHasher)
            _ = log.commit(group, to: core)
        }
        core.close()
        return log
    }

    // MARK: Segments

    @Test func aPartitionWhoseFilesAreGoneIsToldByVerifyAndByTheStart() throws {
        let log = try prepare()
        for path in log.fileSystem.paths where path.hasPrefix("/log/t-0/") { log.fileSystem.delete(path) }
        #expect(
            try log.verify().findings.map(\.description)
                == ["/log/t-0, offset 0: the log was synced up to offset 10, and no segment is there"])
        var core = try log.open()
        #expect(core.troubles.map(\.partition.description) == ["t-0"])
        #expect(core.troubles[0].description.contains("the records of offsets 0 to 9 are lost"))
        #expect(log.append(["after"], to: core, timestamp: 5000) == [10], "no offset is used twice")
        core.close()
        // It is told as long as the hole is there.
        #expect(try log.verify().holes.map(\.offsets) == [0..<10])
        core = try log.open()
        let (records, holes) = try log.contents(core)
        #expect(records.map(\.offset) == [10] && holes == [0..<10])
    }

    @Test func afterAHoleThatTakesNearlyAllOffsetsOfASegmentTheNextOneBegins() throws {
        let log = try prepare()
        for path in log.fileSystem.paths where path.hasPrefix("/log/t-0/") { log.fileSystem.delete(path) }
        let point = 5_000_000_000
        log.fileSystem.put(Array("0\n2\nt 0 \(point)\nt 1 10\n".utf8), at: SimulatedLog.recoveryPoints)
        for round in 0..<3 {
            let core = try log.open()
            for number in 0..<10 {
                #expect(log.append(["\(round) \(number)"], to: core, timestamp: 5000) == [Int64(point + round * 10 + number)])
            }
            // Between two recovery points everything is found again, too.
            log.fileSystem.restart(after: .kill)
        }
        let core = try log.open()
        #expect(core.recovery.cuts.isEmpty)
        #expect(try core.partitions[0].identities(since: 0).all().count == 30)
        #expect(core.partitions[0].bounds.highWatermark.value == Int64(point) + 30)
        core.close()
        #expect(try log.verify().findings == [])
    }

    @Test(arguments: [5_000_000_000, 1 << 47, Int64.max] as [Int64])
    func aFileThatNoSegmentReachesIsRefusedByName(_ base: Int64) throws {
        let log = try prepare()
        let path = log.segment(base)
        log.fileSystem.put([], at: path)
        let isName = base < 1 << 48
        do {
            let core = try log.open()
            #expect(!isName, "a file of another name is none of the log's")
            #expect(try log.contents(core).records.count == 10)
        } catch let error as LogError {
            #expect(isName && error.message.contains(path) && error.message.contains("move this file away"))
            #expect(throws: LogError.self) { try log.repair() }
        }
        log.fileSystem.restart(after: .kill)
        log.fileSystem.delete(path)
        #expect(try log.contents(log.open()).records.count == 10)
    }

    // MARK: Recovery points

    @Test(arguments: [
        "0\n3\nt 0 10\nt 1 10\nt 0 4000\n", "0\n2\nt 0 \(1 << 50)\nt 1 10\n", "0\n2\nt 0 10\n", "",
        String(repeating: "0\n", count: 5_000_000),
    ])
    func recoveryPointsThatCannotBeAreAsGoodAsNone(_ text: String) throws {
        let log = try prepare()
        log.fileSystem.put(Array(text.utf8), at: SimulatedLog.recoveryPoints)
        let core = try log.open()
        #expect(core.troubles.isEmpty)
        #expect(core.recovery.recoveredBytes > 0)
        #expect(log.append(["after"], to: core, timestamp: 5000) == [10])
        core.close()
        #expect(try log.verify().findings == [])
    }

    // MARK: Files that are too long

    @Test func ofAFileThatIsTooLongNoMoreIsReadThanItCanHold() throws {
        let log = SimulatedLog()
        _ = try log.open()
        log.fileSystem.put(Array(repeating: 7, count: 1000), at: "/log/x")
        #expect(try log.fileSystem.contents(of: "/log/x", byteCountMax: 10)?.count == 11)
        #expect(try log.fileSystem.contents(of: "/log/x", byteCountMax: 1000)?.count == 1000)
        #expect(try log.fileSystem.contents(of: "/log/y", byteCountMax: 10) == nil)
    }
}

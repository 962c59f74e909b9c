import EventLog
import Foundation
import LogStorage
import TestSupport
import Testing

/// What a start gets from the journal when the segments, which are synced later, lack it.
@Suite struct JournalTests {
    private static let folder = "/log/journal/"

    private func journalFiles(_ log: SimulatedLog) -> [String] { log.fileSystem.paths.filter { $0.hasPrefix(Self.folder) } }

    /// As after a power cut: the segments are as the last recovery points have left them.
    private func emptySegments(_ log: SimulatedLog) {
        log.fileSystem.restart(after: .kill)
        for path in log.fileSystem.paths where path.hasPrefix("/log/t-") && path.hasSuffix(".log") {
            log.fileSystem.put([], at: path)
        }
    }

    @Test func whatTheSegmentsLackComesBackWithItsOffsetsTimesAndIdentities() throws {
        let log = SimulatedLog()
        var core = try log.open()
        for number in 0..<50 { log.append(["a\(number)", "b\(number)"], to: core, timestamp: 1000 + Int64(number)) }
        let before = try log.contents(core).records
        let identities = try core.partitions[0].identities(since: 0).all()
        emptySegments(log)

        core = try log.open()
        #expect(try log.contents(core).records == before)
        #expect(try core.partitions[0].identities(since: 0).all() == identities)
        #expect(core.troubles.isEmpty && identities.count == 100)
        #expect(log.append(["next"], to: core) == [100])
        core.close()
        #expect(try log.verify().findings == [])
    }

    @Test func aPartOfTheSegmentsIsEnoughToBegin() throws {
        let log = SimulatedLog()
        var core = try log.open()
        for number in 0..<20 { log.append(["value \(number)"], to: core) }
        let before = try log.contents(core).records
        let whole = log.fileSystem.bytes(log.segment(0))!
        log.fileSystem.restart(after: .kill)
        let files = log.files()
        for length in stride(from: 0, through: whole.count, by: 5) {
            log.restore(files)
            // Cut there, or bad from there on, with whole batches behind.
            var damaged = whole
            if length < whole.count { damaged[length] ^= 0x40 }
            for bytes in [Array(whole[..<length]), damaged] {
                log.restore(files)
                log.fileSystem.put(bytes, at: log.segment(0))
                core = try log.open()
                #expect(try log.contents(core).records == before, "\(length) bytes")
                #expect(core.partitions[0].state == .open && core.partitions[0].damage.lostOffsets == 0)
                log.fileSystem.restart(after: .kill)
            }
        }
    }

    @Test func whatWasNotAcknowledgedIsKeptAsideWhereTheJournalLacksIt() throws {
        let log = SimulatedLog()
        var core = try log.open()
        log.append(["first"], to: core)
        log.append(["second"], to: core)
        let files = log.files()
        log.append(["third"], to: core)
        log.fileSystem.restart(after: .kill)
        // The journal ends before the third, and the second is damaged in the segment.
        var bytes = log.fileSystem.bytes(log.segment(0))!
        let third = Array(bytes.suffix(20))
        log.restore(files)
        bytes[bytes.count / 2] ^= 1
        log.fileSystem.put(bytes, at: log.segment(0))
        core = try log.open()
        #expect(try log.contents(core).records.map(\.value) == ["first", "second"])
        let kept = try #require(core.recovery.cuts.first?.report.keptAt)
        #expect(log.fileSystem.bytes(kept)!.suffix(20).elementsEqual(third))
    }

    /// Every bit that can matter, one at a time: what is not hit is there, and nothing that was never written is.
    @Test func aFlippedBitOfTheJournalCostsItsOwnEntryAtMost() throws {
        let log = SimulatedLog()
        var core = try log.open()
        for number in 0..<4 { log.append(["value \(number)"], to: core) }
        emptySegments(log)
        let files = log.files()
        let path = try #require(journalFiles(log).first)
        let whole = log.fileSystem.bytes(path)!
        for (page, lost) in [(0, 0..<4), (1, 0..<1), (2, 1..<2), (3, 2..<3), (4, 3..<4)] {
            for position in 0..<110 {
                log.restore(files)
                var bytes = whole
                bytes[page * 4096 + position] ^= UInt8(1 << (position % 8))
                log.fileSystem.put(bytes, at: path)
                core = try log.open()
                let (records, holes) = try log.contents(core)
                let values = Set(records.map(\.value))
                for number in 0..<4 where !lost.contains(number) { #expect(values.contains("value \(number)")) }
                #expect(values.isSubset(of: (0..<4).map { "value \($0)" }))
                for record in records { #expect(record.value == "value \(record.offset)") }
                // A hole is told; what nothing follows was perhaps never acknowledged.
                if values.count < 4, !lost.contains(3) {
                    #expect(holes == [Int64(lost.lowerBound)..<Int64(lost.upperBound)] && !core.troubles.isEmpty)
                }
                log.fileSystem.restart(after: .kill)
            }
        }
    }

    /// It may hold records that are nowhere else.
    @Test func aJournalOfAnOlderVersionIsNotTakenForAnEmptyOne() throws {
        let log = SimulatedLog()
        log.append(["first"], to: try log.open())
        log.fileSystem.restart(after: .kill)
        let path = try #require(journalFiles(log).first)
        var bytes = log.fileSystem.bytes(path)!
        bytes[7] = UInt8(ascii: "1")
        log.fileSystem.put(bytes, at: path)
        let failure = #expect(throws: LogError.self) { try log.open() }
        #expect(failure?.message.contains("start that one once more") == true)
        #expect(log.fileSystem.bytes(path) == bytes)
    }

    @Test func anEntryThatIsNotWholeIsNone() throws {
        let log = SimulatedLog()
        var core = try log.open()
        for number in 0..<3 { log.append(["value \(number)"], to: core) }
        emptySegments(log)
        let files = log.files()
        let path = try #require(journalFiles(log).first)
        let whole = log.fileSystem.bytes(path)!
        for length in stride(from: whole.count, through: 0, by: -7) {
            log.restore(files)
            log.fileSystem.put(Array(whole[..<length]), at: path)
            core = try log.open()
            let (records, holes) = try log.contents(core)
            #expect(records.map(\.value) == (0..<records.count).map { "value \($0)" } && holes.isEmpty)
            #expect(records.count >= length / 4096 - 1 && records.count <= 3)
            #expect(log.append(["next"], to: core) == [Int64(records.count)])
            log.fileSystem.restart(after: .kill)
        }
    }

    @Test func bytesInARecordDoNotPassForAnEntry() throws {
        let log = SimulatedLog()
        var core = try log.open()
        log.append(["first"], to: core)
        let path = try #require(journalFiles(log).first)
        let page = Array(log.fileSystem.bytes(path)![4096..<8192])
        // A record that holds pages of another entry, at the start of a page too, in an entry whose head is then damaged.
        let forged = String(decoding: page.map { $0 < 0x80 ? $0 : 0x20 }, as: UTF8.self)
        log.append([String(repeating: "x", count: 3900) + forged + forged], to: core)
        log.append(["last"], to: core)
        emptySegments(log)
        var bytes = log.fileSystem.bytes(path)!
        bytes[8192 + 5] ^= 1
        log.fileSystem.put(bytes, at: path)
        core = try log.open()
        let (records, holes) = try log.contents(core)
        #expect(records.map(\.value) == ["first", "last"] && holes == [1..<2])
    }

    @Test func filesAreUsedAgainAndGoWithTheLastOfThem() throws {
        var log = SimulatedLog()
        log.options.journalFileBytes = 16_384
        var core = try log.open()
        var most = 0
        for number in 0..<300 {
            log.append(["value \(number)"], to: core)
            if core.wantsJournalFile() { core.prepareJournalFile() }
            if core.isCheckpointDue { core.finishCheckpoint(core.prepareCheckpoint()) }
            most = max(most, journalFiles(log).count)
        }
        #expect((2...4).contains(most), "\(most) files for 300 pages")
        // Killed: nothing but the newest entries is put back, and the files are used again.
        log.fileSystem.restart(after: .kill)
        core = try log.open()
        #expect(try log.contents(core).records.count == 300)
        log.append(["more"], to: core)
        core.close()
        #expect(journalFiles(log).isEmpty)
        core = try log.open()
        #expect(try log.contents(core).records.count == 301)
    }

    @Test func aFullDiskRefusesBeforeAnythingIsWrittenAndGoesOnWhenThereIsRoom() throws {
        let log = SimulatedLog()
        let core = try log.open()
        #expect(log.append(["first"], to: core) == [0])
        let segment = log.fileSystem.bytes(log.segment(0))!
        log.fileSystem.setCapacity(log.fileSystem.usedBytes + 1000)
        let group = LogContents.group([(0, "second")], timestamp: 1000, hasher: core.identityHasher)
        let receipt = log.commit(group, to: core)
        #expect(receipt.offsets == [AppendReceipt.unassigned] && receipt.failures.map(\.code) == [.lowSpace])
        #expect(log.fileSystem.bytes(log.segment(0)) == segment && core.troubles.isEmpty)
        log.fileSystem.setCapacity(nil)
        #expect(log.append(["second"], to: core) == [1])
        #expect(try log.contents(core).records.map(\.value) == ["first", "second"])
        #expect(try core.partitions[0].identities(since: 0).all().count == 2)
        core.close()
        #expect(try log.verify().findings == [])
    }

    /// With quotas it is found by writing; a part of the entry may be there then.
    @Test(arguments: [0, 1, 100, 4000, 4095])
    func whatWasRefusedForLackOfRoomNeverAppears(_ room: Int) throws {
        let log = SimulatedLog()
        var core = try log.open()
        #expect(log.append(["first"], to: core) == [0])
        log.fileSystem.setCapacity(log.fileSystem.usedBytes + room, isTold: false)
        let group = LogContents.group([(0, "refused")], timestamp: 1000, hasher: core.identityHasher)
        #expect(log.commit(group, to: core).failures.map(\.code) == [.lowSpace])
        log.fileSystem.setCapacity(nil)
        emptySegments(log)
        core = try log.open()
        #expect(try log.contents(core).records.map(\.value) == ["first"])
    }

    @Test func aPreparedFileDoesNotTakeWhatTheSegmentsHaveNoRoomFor() throws {
        let log = SimulatedLog()
        let core = try log.open()
        core.prepareJournalFile()
        #expect(log.append(["first"], to: core) == [0])
        log.fileSystem.setCapacity(log.fileSystem.usedBytes + 10)
        let group = LogContents.group([(0, "second")], timestamp: 1000, hasher: core.identityHasher)
        #expect(log.commit(group, to: core).failures.map(\.code) == [.lowSpace])
        #expect(core.troubles.isEmpty && core.shortage != nil)
        log.fileSystem.setCapacity(nil)
        #expect(log.append(["second"], to: core) == [1])
        #expect(core.shortage == nil)
    }

    /// The kernel tells one sync of the failure; a roll in the same moment must not believe the other.
    @Test func aSegmentDoesNotRollBehindASyncThatFailed() throws {
        var log = SimulatedLog()
        log.options.segmentBytes = 4000
        for seed in UInt64(1)...20 {
            var random = SeededGenerator(seed: seed)
            log = SimulatedLog(seed: seed)
            log.options.segmentBytes = 4000
            var core = try log.open()
            var acknowledged: [String] = []
            func append(_ value: String) {
                if !log.append([value], to: core).contains(AppendReceipt.unassigned) { acknowledged.append(value) }
            }
            for _ in 0..<3 { append(random.text(1000)) }
            let checkpoint = core.prepareCheckpoint()
            log.fileSystem.setFailureOdds([.sync: 1])
            core.finishCheckpoint(checkpoint) { body in
                log.fileSystem.setFailureOdds([:])
                append(random.text(3000))
                body()
            }
            log.fileSystem.restart(after: .powerCut)
            core = try log.open()
            let values = try log.contents(core).records.map(\.value)
            #expect(values.starts(with: acknowledged), "seed \(seed): \(values.count) of \(acknowledged.count)")
        }
    }

    @Test func refusedCommitsLeaveNoFiles() throws {
        let log = SimulatedLog()
        let core = try log.open()
        log.fileSystem.setCapacity(log.fileSystem.usedBytes, isTold: false)
        for _ in 0..<20 { #expect(log.append(["value"], to: core) == [AppendReceipt.unassigned]) }
        #expect(journalFiles(log).isEmpty)
    }

    /// A partition that takes no writes any more keeps what only the journal has of it, however much the others write.
    @Test func whatAPoisonedPartitionNeedsStaysWhileOthersGoOn() throws {
        var log = SimulatedLog()
        log.partitionCount = 2
        log.options.journalFileBytes = 8192
        var core = try log.open()
        func append(_ partition: Int, _ value: String) -> [Int64] {
            let group = LogContents.group([(partition, value)], timestamp: 1000, hasher: core.identityHasher)
            return log.commit(group, to: core).offsets
        }
        for number in 0..<5 { #expect(append(0, "value \(number)") == [Int64(number)]) }
        // Its segment cannot be synced.
        let checkpoint = core.prepareCheckpoint()
        log.fileSystem.setFailureOdds([.sync: 1])
        #expect(!core.finishCheckpoint(checkpoint))
        log.fileSystem.setFailureOdds([:])
        #expect(core.troubles.map(\.partition.description) == ["t-0"])
        for number in 0..<100 {
            #expect(append(1, "other \(number)") == [Int64(number)])
            if core.isCheckpointDue { #expect(core.finishCheckpoint(core.prepareCheckpoint())) }
        }
        #expect(journalFiles(log).count < 10)
        log.fileSystem.restart(after: .powerCut)
        core = try log.open()
        #expect(try log.contents(core).records.map(\.value) == (0..<5).map { "value \($0)" })
        #expect(append(1, "next") == [100])
        #expect(core.troubles.isEmpty)
    }

    @Test func aFileThatHasGrownWithoutBoundIsReadInNoTimeAndNoMemory() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        _ = await harness.append([(0, "value")], to: log)
        let path = harness.directory.file("log/journal/0.journal")
        let bytes = harness.bytes(path)
        log.close()
        try harness.write(bytes, to: path)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: 1 << 40)
        try file.close()
        let began = ContinuousClock.now
        log = try harness.open()
        #expect(ContinuousClock.now - began < .seconds(60))
        #expect(try await harness.readAll(log, 0).map(\.value) == ["value"])
        #expect(await harness.append([(0, "next")], to: log).offsets == [1])
        log.close()
    }

    @Test func aJournalThatCannotBeReadRefusesTheStart() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        _ = await harness.append([(0, "value")], to: log)
        // A folder in place of a file.
        let path = harness.directory.file("log/journal/7.journal")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        log.close()
        #expect {
            log = try harness.open()
        } throws: { error in
            (error as? LogError)?.message.contains("7.journal") == true
                && (error as? LogError)?.message.contains("moving") == true
        }
        try FileManager.default.removeItem(atPath: path)
        log = try harness.open()
        #expect(try await harness.readAll(log, 0).map(\.value) == ["value"])
        log.close()
    }
}

import EventLog
import LogStorage
import RecordFormat
import TestSupport
import Testing

/// Records that are acknowledged, durable in the journal, and wait for others to fill their batch before they go to their segment.
@Suite struct PendingRecordsTests {
    private func lingering(batchBytes: Int = 4000) -> SimulatedLog {
        var log = SimulatedLog(lingers: true)
        log.options.batchBytes = batchBytes
        log.options.lingerMilliseconds = 100
        return log
    }

    private func append(_ value: String, to core: LogCore, of log: SimulatedLog, now: Int64) -> AppendReceipt {
        log.commit(
            LogContents.group([(0, value)], timestamp: 5000 + now, hasher: core.identityHasher), to: core, now: now)
    }

    private func batches(_ log: SimulatedLog) throws -> [RecordBatchHeader] {
        let bytes = log.fileSystem.bytes(log.segment(0)) ?? []
        return try bytes.withUnsafeBytes { bytes in
            var found: [RecordBatchHeader] = []
            var position = 0
            while position < bytes.count {
                found.append(try RecordBatchReader.checkedHeader(UnsafeRawBufferPointer(rebasing: bytes[position...])))
                position += found[found.count - 1].totalBytes
            }
            return found
        }
    }

    @Test func theyWaitForAsLongAsIsConfiguredAndMakeOneBatch() throws {
        let log = lingering()
        let core = try log.open()
        #expect(core.flush(now: 1000) == nil, "nothing waits")
        for number in 0..<5 {
            #expect(append("value \(number)", to: core, of: log, now: 1000 + Int64(number) * 10).offsets == [Int64(number)])
        }
        #expect(core.partitions[0].isPending() && core.partitions[0].bounds.highWatermark == Offset(5))
        #expect(core.flush(now: 1099) == 1100)
        #expect(try batches(log).isEmpty)
        #expect(core.flush(now: 1100) == nil)
        #expect(try batches(log).map(\.recordCount) == [5])
        #expect(!core.partitions[0].isPending())
        #expect(try log.contents(core).records.map(\.value) == (0..<5).map { "value \($0)" })
        #expect(try core.partitions[0].identities(since: 0).all().count == 5)
    }

    @Test func fullBatchesAreWrittenAtOnceAndTheRestWaitsAnew() throws {
        let log = lingering(batchBytes: 1000)
        let core = try log.open()
        for number in 0..<25 { _ = append("\(number)-" + String(repeating: "x", count: 97), to: core, of: log, now: 1000) }
        let written = try batches(log)
        #expect(written.count > 1 && written.allSatisfy { $0.recordCount == written[0].recordCount })
        #expect(core.partitions[0].writtenEnd == written[written.count - 1].nextOffset && core.partitions[0].isPending())
        #expect(core.flush(now: 1050) == 1100)
        core.close()
        #expect(try batches(log).reduce(0) { $0 + Int($1.recordCount) } == 25)
        #expect(try log.verify().findings == [])
    }

    @Test(arguments: [SimulatedFileSystem.Stop.kill, .powerCut])
    func theyAreThereAfterACrash(_ stop: SimulatedFileSystem.Stop) throws {
        let log = lingering(batchBytes: 600)
        var core = try log.open()
        let values = (0..<20).map { "\($0)-" + String(repeating: "y", count: 90) }
        for value in values { _ = append(value, to: core, of: log, now: 1000) }
        #expect(core.partitions[0].isPending() && core.partitions[0].writtenEnd > 0)
        log.fileSystem.restart(after: stop)
        // Before a start too, to whoever looks into the directory.
        #expect(try log.dump() == values)
        let found = try log.verify()
        #expect(found.journaled > 0)
        // Segments are not synced yet.
        if stop == .kill { #expect(found.findings == []) }
        #expect(found.findings.allSatisfy { $0.problem.contains("the next start") })
        core = try log.open()
        #expect(try log.contents(core).records.map(\.value) == values)
        #expect(append("next", to: core, of: log, now: 0).offsets == [20])
    }

    @Test func whoReadsThemDoesNotWait() async throws {
        let harness = LogHarness()
        harness.options.lingerMilliseconds = 3_600_000
        let log = try harness.open()
        _ = await harness.append([(0, "a"), (1, "b")], to: log, timestamp: 1000)
        #expect(try log.log(of: harness.partition(0)).isPending())
        #expect(try await harness.readAll(log, 0).map(\.value) == ["a"])
        #expect(try await log.offset(harness.partition(1), atOrAfter: 500) == Offset(0))
        _ = await harness.append([(0, "c")], to: log, timestamp: 1000)
        #expect(try log.identities(of: harness.partition(0), since: 0).all().count == 2)
        log.close()
        #expect(try harness.verify() == [])
    }

    @Test func timePassesWithoutCommitsToo() async throws {
        let harness = LogHarness()
        harness.options.lingerMilliseconds = 20
        let log = try harness.open()
        _ = await harness.append([(0, "a")], to: log)
        let partition = try log.log(of: harness.partition(0))
        try await until { !partition.isPending() }
        log.close()
    }

    /// Somebody else has filled the disk meanwhile: nothing is lost, nothing more is taken, and it goes on by itself.
    @Test func aDiskThatIsFullWhenTheyAreWrittenCostsNothing() throws {
        var log = lingering()
        log.options.segmentBytes = 2000
        let core = try log.open()
        #expect(append("first", to: core, of: log, now: 1000).offsets == [0])
        for room in [0, 10, 50] {
            log.fileSystem.setCapacity(log.fileSystem.usedBytes + room, isTold: false)
            _ = core.flush(now: 5000)
            #expect(core.partitions[0].isPending() && core.partitions[0].state == .open, "\(room)")
            #expect(append("refused", to: core, of: log, now: 5000).failures.map(\.code) == [.lowSpace])
        }
        // The journal must keep what the segments lack.
        #expect(!core.finishCheckpoint(core.prepareCheckpoint()))
        let files = log.files()
        log.fileSystem.setCapacity(nil)
        #expect(append("second", to: core, of: log, now: 6000).offsets == [1])
        core.flushAll()
        #expect(try log.contents(core).records.map(\.value) == ["first", "second"] && core.troubles.isEmpty)

        log.restore(files)
        #expect(try log.contents(try log.open()).records.map(\.value) == ["first"])
    }

    @Test func aDiskThatIsFullWhereANewSegmentShouldBeginCostsNothing() throws {
        var log = lingering()
        log.options.segmentBytes = 1000
        let core = try log.open()
        var random = SeededGenerator(seed: 9)
        let values = (0..<6).map { "\($0)-" + random.text(700) }
        for value in values[..<1] { _ = append(value, to: core, of: log, now: 1000) }
        core.flushAll()
        for value in values[1...] { _ = append(value, to: core, of: log, now: 1000) }
        log.fileSystem.setCapacity(log.fileSystem.usedBytes, isTold: false)
        _ = core.flush(now: 2000)
        #expect(core.partitions[0].isPending() && core.troubles.isEmpty)
        log.fileSystem.setCapacity(nil)
        _ = core.flush(now: 3000)
        #expect(try log.contents(core).records.map(\.value) == values)
        core.close()
        #expect(try log.verify().findings == [])
    }

    @Test func aRefusedCommitTakesBackItsOwnRecordsAlone() throws {
        let log = lingering(batchBytes: 300)
        let core = try log.open()
        #expect(append("first", to: core, of: log, now: 1000).offsets == [0])
        log.fileSystem.setCapacity(log.fileSystem.usedBytes, isTold: false)
        // More than a batch of them.
        let group = LogContents.group(
            (0..<20).map { (0, "refused \($0) " + String(repeating: "z", count: 50)) }, timestamp: 6000,
            hasher: core.identityHasher)
        let receipt = core.commit([group], now: 1000)[0]
        #expect(receipt.offsets.allSatisfy { $0 == AppendReceipt.unassigned } && core.partitions[0].isPending())
        log.fileSystem.setCapacity(nil)
        #expect(append("second", to: core, of: log, now: 1000).offsets == [1])
        core.flushAll()
        #expect(try log.contents(core).records.map(\.value) == ["first", "second"])
        #expect(try core.partitions[0].identities(since: 0).all().map(\.offset) == [Offset(0), Offset(1)])
        core.close()
        #expect(try log.verify().findings == [])
    }

    @Test func whenTheJournalFailsWhatWasAcknowledgedBeforeIsServed() throws {
        let log = lingering()
        var core = try log.open()
        #expect(append("first", to: core, of: log, now: 1000).offsets == [0])
        log.fileSystem.setFailureOdds([.sync: 1])
        #expect(append("unknown", to: core, of: log, now: 1000).failures.map(\.code) == [.outcomeUnknown])
        log.fileSystem.setFailureOdds([:])
        #expect(core.partitions[0].bounds.highWatermark == Offset(1) && !core.partitions[0].state.isWritable)
        #expect(try log.contents(core).records.map(\.value) == ["first"])
        log.fileSystem.restart(after: .powerCut)
        core = try log.open()
        #expect(try log.contents(core).records.first?.value == "first")
    }

    @Test func aSegmentThatCannotBeWrittenLeavesThemToTheJournal() throws {
        let log = lingering()
        var core = try log.open()
        #expect(append("first", to: core, of: log, now: 1000).offsets == [0])
        log.fileSystem.setFailureOdds([.write: 1])
        _ = core.flush(now: 5000)
        log.fileSystem.setFailureOdds([:])
        #expect(!core.partitions[0].state.isWritable && core.partitions[0].isPending())
        let failure = #expect(throws: LogError.self) { try core.partitions[0].read(from: Offset(0), maximumBytes: 1000) }
        #expect(failure?.message.contains("restart the service") == true)
        #expect(append("refused", to: core, of: log, now: 5000).failures.map(\.code) == [.notWritable])
        core.close()
        core = try log.open()
        #expect(try log.contents(core).records.map(\.value) == ["first"])
        #expect(append("next", to: core, of: log, now: 0).offsets == [1])
    }

    @Test func aCheckpointLeavesNothingBehind() throws {
        var log = lingering()
        log.options.journalFileBytes = 4096
        let core = try log.open()
        for number in 0..<10 {
            #expect(append("value \(number)", to: core, of: log, now: 1000).offsets == [Int64(number)])
            #expect(core.finishCheckpoint(core.prepareCheckpoint()))
            #expect(!core.partitions[0].isPending())
        }
        log.fileSystem.restart(after: .powerCut)
        log.loseJournal()
        #expect(try log.contents(try log.open()).records.count == 10)
    }

    /// Whatever is committed between its steps: the journal keeps what came after it began, and gives back what came before.
    @Test func commitsGoOnWhileACheckpointIsPrepared() throws {
        for commitAfter in 0...3 {
            var log = lingering()
            log.partitionCount = 3
            log.options.journalFileBytes = 4096
            var core = try log.open()
            var number = 0
            func commitToAll() {
                number += 1
                let group = LogContents.group(
                    (0..<3).map { ($0, "value \(number)") }, timestamp: 5000, hasher: core.identityHasher)
                #expect(core.commit([group], now: 1000)[0].failures.isEmpty)
            }
            commitToAll()
            commitToAll()
            var checkpoint = core.beginCheckpoint()
            var prepared = 0
            if commitAfter == 0 { commitToAll() }
            while let next = core.prepareNextPartition(of: checkpoint) {
                checkpoint = next
                prepared += 1
                if prepared == commitAfter { commitToAll() }
            }
            #expect(checkpoint.works.map(\.recoveryPoint) == (1...3).map { $0 > commitAfter ? 3 : 2 })
            #expect(core.finishCheckpoint(checkpoint))
            // They are written over, those of before the checkpoint alone.
            commitToAll()
            log.fileSystem.restart(after: .powerCut)
            core = try log.open()
            for partition in core.partitions {
                #expect(
                    try LogContents.read(partition, maximumBytes: 1 << 20).records.map(\.value) == (1...4).map { "value \($0)" },
                    "commit after \(commitAfter), \(partition.topicPartition)")
            }
        }
    }

    /// A partition without room when its turn comes keeps the whole journal, also where there is room again for the others.
    @Test func aPartitionWithoutRoomKeepsTheJournalForAll() throws {
        var log = lingering()
        log.partitionCount = 2
        log.options.segmentBytes = 2000
        let core = try log.open()
        let group = LogContents.group([(0, "first"), (1, "second")], timestamp: 5000, hasher: core.identityHasher)
        #expect(core.commit([group], now: 1000)[0].failures.isEmpty)
        var checkpoint = core.beginCheckpoint()
        log.fileSystem.setCapacity(log.fileSystem.usedBytes, isTold: false)
        checkpoint = try #require(core.prepareNextPartition(of: checkpoint))
        log.fileSystem.setCapacity(nil)
        checkpoint = try #require(core.prepareNextPartition(of: checkpoint))
        #expect(core.prepareNextPartition(of: checkpoint) == nil)
        #expect(core.partitions.map { $0.isPending() } == [true, false])
        #expect(!core.finishCheckpoint(checkpoint))
        log.fileSystem.restart(after: .powerCut)
        let values = try log.open().partitions.map { try LogContents.read($0, maximumBytes: 1 << 20).records.map(\.value) }
        #expect(values == [["first"], ["second"]])
    }
}

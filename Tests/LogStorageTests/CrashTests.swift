import EventLog
import Foundation
import LogStorage
import RecordFormat
import Synchronization
import TestSupport
import Testing

@Suite struct CrashTests {
    /// A log with five batches in partition 0, closed; returns its `.log` and where the last batch starts.
    private func prepare(_ harness: LogHarness) async throws -> (bytes: [UInt8], lastStart: Int) {
        harness.partitionCount = 1
        let log = try harness.open()
        var lastStart = 0
        for number in 0..<5 {
            lastStart = try log.log(of: harness.partition(0)).segments[0].readableBytes
            _ = await harness.append([(0, "value-\(number)"), (0, "more-\(number)")], to: log)
        }
        log.close()
        return (harness.bytes(harness.segment(0, ".log")), lastStart)
    }

    /// As a crash leaves it: no recovery point.
    private func forgetRecoveryPoint(_ harness: LogHarness) throws {
        let path = harness.directory.file("log/\(FileNames.recoveryPoints)")
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    }

    @Test func aTailTornAtAnyByteIsCutAtTheLastWholeBatchAndKeptAside() async throws {
        let harness = LogHarness()
        let (whole, lastStart) = try await prepare(harness)
        var random = SeededGenerator(seed: 8)
        for cut in lastStart..<whole.count {
            for tail in [[], [UInt8](repeating: 0, count: 300), random.bytes(300)] {
                try forgetRecoveryPoint(harness)
                let torn = Array(whole[..<cut]) + tail
                // A batch may end with zeros: such a tail completes it.
                if torn.starts(with: whole) { continue }
                try harness.write(torn, to: harness.segment(0, ".log"))
                let log = try harness.open()
                #expect(try await harness.readAll(log, 0).map(\.offset) == Array(0..<8), "cut at \(cut)")
                let receipt = await harness.append([(0, "after")], to: log)
                #expect(receipt.offsets == [8])
                log.close()
                #expect(Array(harness.bytes(harness.segment(0, ".log"))[..<lastStart]) == Array(whole[..<lastStart]))
                let kept = "\(harness.folder(0))/\(FileNames.segment(0, FileNames.tornInfix))\(lastStart)"
                let expected = Array(torn[lastStart...])
                if expected.contains(where: { $0 != 0 }) {
                    #expect(harness.bytes(kept) == expected)
                    try FileManager.default.removeItem(atPath: kept)
                } else {
                    #expect(!FileManager.default.fileExists(atPath: kept))
                }
            }
        }
    }

    @Test func whatWasKeptOfATailStaysWhenTheSamePlaceIsTornAgain() async throws {
        let harness = LogHarness()
        let (whole, lastStart) = try await prepare(harness)
        let kept = "\(harness.folder(0))/\(FileNames.segment(0, FileNames.tornInfix))\(lastStart)"
        for tail in [[1, 2, 3], [4, 5]] as [[UInt8]] {
            try forgetRecoveryPoint(harness)
            try harness.write(Array(whole[..<lastStart]) + tail, to: harness.segment(0, ".log"))
            try harness.open().close()
        }
        #expect(harness.bytes(kept) == [1, 2, 3])
        #expect(harness.bytes(kept + ".2") == [4, 5])
    }

    @Test func aBadBatchThatAValidOneFollowsIsSetAsideAndLaterOffsetsStay() async throws {
        let harness = LogHarness()
        let (whole, lastStart) = try await prepare(harness)
        try forgetRecoveryPoint(harness)
        var damaged = whole
        damaged[lastStart - 3] ^= 1
        try harness.write(damaged, to: harness.segment(0, ".log"))
        #expect(try harness.verify().contains { $0.path.hasSuffix(".log") && $0.offset == 6 })
        let log = try harness.open()
        #expect(try await harness.readAll(log, 0).map(\.offset) == [0, 1, 2, 3, 4, 5, 8, 9])
        #expect(await harness.append([(0, "after")], to: log).offsets == [10])
        let damage = try #require(log.recovery.damage.first)
        #expect(damage.item.region.lostOffsets == 6..<8 && damage.isQuarantined)
        let kept = try #require(damage.item.keptAt)
        #expect(harness.bytes(kept) == Array(damaged[damage.item.region.bytes]))
        log.close()
        #expect(try harness.verify() == [])
        #expect(harness.bytes(harness.segment(0, ".log"))[lastStart...].starts(with: whole[lastStart...]), "nothing moves")
    }

    @Test(arguments: ["a flipped bit", "a cut batch", "an empty file"])
    func whatWasSyncedBelowTheRecoveryPointIsNeverTakenForATornTail(_ damage: String) async throws {
        let harness = LogHarness()
        let (whole, lastStart) = try await prepare(harness)
        var damaged = whole
        switch damage {
        case "a flipped bit": damaged[whole.count - 8] ^= 1
        case "a cut batch": damaged.removeLast(whole.count - lastStart)
        default: damaged = []
        }
        try harness.write(damaged, to: harness.segment(0, ".log"))
        let log = try harness.open()
        #expect(log.recovery.cuts.isEmpty)
        #expect(log.recovery.damage[0].item.region.reason.contains("the log was synced up to offset 10"))
        #expect(try await harness.readAll(log, 0).map(\.offset) == Array(0..<(damage == "an empty file" ? 0 : 8)))
        #expect(await harness.append([(0, "after")], to: log).offsets == [10], "no offset is used twice")
        log.close()
        #expect(try harness.verify() == [])
    }

    @Test func recoveryPointsOfPartitionsThatCannotBeWrittenStay() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        _ = await harness.append([(0, "a"), (1, "b")], to: log)
        log.close()
        let before = harness.bytes(harness.directory.file("log/\(FileNames.recoveryPoints)"))
        log = try harness.open()
        harness.fileSystem.fail(.write)
        _ = await harness.append([(0, "c")], to: log)
        harness.fileSystem.heal()
        log.close()
        #expect(harness.bytes(harness.directory.file("log/\(FileNames.recoveryPoints)")) == before)
    }

    @Test func whatLiesBelowTheRecoveryPointIsNotScanned() async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 64 << 10
        harness.partitionCount = 1
        var random = SeededGenerator(seed: 9)
        var log = try harness.open()
        for _ in 0..<60 {
            let value = random.text(8000)
            _ = await harness.append([(0, value)], to: log)
        }
        log.close()
        log = try harness.open()
        #expect(log.recovery.scannedBytes < 40_000)
        #expect(try await harness.readAll(log, 0).count == 60)
        log.close()
        try forgetRecoveryPoint(harness)
        log = try harness.open()
        #expect(log.recovery.scannedBytes > 300_000)
        #expect(try await harness.readAll(log, 0).count == 60)
        log.close()
        #expect(try harness.verify() == [])
    }

    @Test(arguments: ["deleted", "emptied", "cut", "zeroed", "garbled", "ahead"])
    func indexesComeBackByteIdentical(_ damage: String) async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 64 << 10
        harness.partitionCount = 1
        var random = SeededGenerator(seed: 10)
        var log = try harness.open()
        var expected: [String] = []
        for _ in 0..<80 {
            let value = random.text(3000)
            expected.append(value)
            _ = await harness.append([(0, value)], to: log, timestamp: Int64(expected.count * 10))
        }
        let bases = try log.log(of: harness.partition(0)).segments.map(\.baseOffset)
        log.close()
        var before: [String: [UInt8]] = [:]
        for base in bases {
            for suffix in FileNames.cacheSuffixes {
                before[harness.segment(base, suffix)] = harness.bytes(harness.segment(base, suffix))
            }
        }
        for (path, bytes) in before {
            switch damage {
            case "deleted": try? FileManager.default.removeItem(atPath: path)
            case "emptied": try harness.write([], to: path)
            case "cut": try harness.write(Array(bytes.dropLast(5)), to: path)
            case "zeroed": try harness.write(bytes.map { _ in 0 }, to: path)
            case "garbled": try harness.write(random.bytes(bytes.count), to: path)
            default: try harness.write(bytes + random.bytes(48), to: path)
            }
        }
        log = try harness.open()
        #expect(try await harness.readAll(log, 0).map(\.value) == expected)
        for (number, _) in expected.enumerated() {
            #expect(try await log.offset(harness.partition(0), atOrAfter: Int64(number * 10 + 5)) == Offset(Int64(number)))
        }
        #expect(try log.identities(of: harness.partition(0), since: 0).all().count == 80)
        log.close()
        for (path, bytes) in before { #expect(harness.bytes(path) == bytes, "\(path)") }
        #expect(try harness.verify() == [])
    }

    /// A power cut may keep caches that were written later than the part of the log that it lost.
    @Test func wholeCachesOfALongerLogComeBackAsThoseOfTheShorterOne() async throws {
        let harness = LogHarness()
        harness.partitionCount = 1
        var random = SeededGenerator(seed: 13)
        var log = try harness.open()
        var expected: [String] = []
        var starts: [Int] = []
        func caches() -> [String: [UInt8]] {
            Dictionary(uniqueKeysWithValues: FileNames.cacheSuffixes.map { ($0, harness.bytes(harness.segment(0, $0))) })
        }
        func append(_ values: [String]) async throws {
            starts.append(try log.log(of: harness.partition(0)).segments[0].readableBytes)
            _ = await harness.append(values.map { (0, $0) }, to: log, timestamp: Int64(starts.count * 10))
        }
        // A block of identities is 1,024 offsets: the last two batches complete the second one, and bring index entries.
        let sizes = Array(repeating: 100, count: 20) + [100, 100]
        var before: [String: [UInt8]] = [:]
        for (number, size) in sizes.enumerated() {
            if number == sizes.count - 2 {
                log.close()
                before = caches()
                log = try harness.open()
            }
            let values = (0..<size).map { "\(number)-\($0)-" + random.text(60) }
            if number < sizes.count - 2 { expected += values }
            try await append(values)
        }
        log.close()
        let ahead = caches()
        for suffix in FileNames.cacheSuffixes {
            #expect(ahead[suffix]!.count > before[suffix]!.count && !before[suffix]!.isEmpty, "\(suffix) is ahead")
        }
        let shorter = Array(harness.bytes(harness.segment(0, ".log"))[..<starts[starts.count - 2]])
        try harness.write(shorter, to: harness.segment(0, ".log"))
        try forgetRecoveryPoint(harness)

        log = try harness.open()
        #expect(log.recovery.cuts.isEmpty && log.recovery.damage.isEmpty && log.troubles.isEmpty)
        #expect(try await harness.readAll(log, 0, maximumBytes: 100_000).map(\.value) == expected)
        for batch in 0..<starts.count - 2 {
            #expect(try await log.offset(harness.partition(0), atOrAfter: Int64(batch * 10 + 5)) == Offset(Int64(batch * 100)))
        }
        #expect(try await log.offset(harness.partition(0), atOrAfter: Int64((starts.count - 2) * 10 + 5)) == nil)
        #expect(
            try log.identities(of: harness.partition(0), since: 0).all().map(\.offset.value) == Array(0..<Int64(expected.count)))
        log.close()
        #expect(caches() == before)
        #expect(harness.bytes(harness.segment(0, ".log")) == shorter)
        #expect(try harness.verify() == [])

        log = try harness.open()
        #expect(await harness.append([(0, "after")], to: log).offsets == [Int64(expected.count)])
        log.close()
        #expect(try harness.verify() == [])
    }

    @Test func offsetsAreNotUsedTwiceWhereTheFilesWereRemoved() async throws {
        let harness = LogHarness()
        _ = try await prepare(harness)
        for name in try FileManager.default.contentsOfDirectory(atPath: harness.folder(0)) where name.hasPrefix("0") {
            try FileManager.default.removeItem(atPath: "\(harness.folder(0))/\(name)")
        }
        let log = try harness.open()
        #expect(await harness.append([(0, "x")], to: log).offsets == [10])
        log.close()
    }

    // MARK: Failed calls

    @Test(arguments: [FaultyFileSystem.Call.write, .sync])
    func aFailedWriteOrSyncOfTheJournalPoisonsTheLogUntilARestart(_ call: FaultyFileSystem.Call) async throws {
        let harness = LogHarness()
        var log = try harness.open()
        _ = await harness.append([(0, "before"), (1, "before")], to: log)
        harness.fileSystem.fail(call, path: "/journal/")
        let failed = await harness.append([(0, "lost?")], to: log)
        #expect(failed.offsets == [AppendReceipt.unassigned])
        #expect(failed.failures.map(\.code) == [.outcomeUnknown])
        harness.fileSystem.heal()

        let refused = await harness.append([(0, "refused"), (1, "refused")], to: log)
        #expect(refused.offsets == [AppendReceipt.unassigned, AppendReceipt.unassigned])
        #expect(refused.failures.map(\.code) == [.notWritable, .notWritable])
        #expect(refused.failures[0].message.contains("injected"))
        #expect(log.troubles.map(\.partition) == [harness.partition(0), harness.partition(1)])
        #expect(try await harness.readAll(log, 0).map(\.value) == ["before"], "reads go on, and see only what is durable")
        log.close()

        log = try harness.open()
        let values = try await harness.readAll(log, 0).map(\.value)
        #expect(values == (call == .write ? ["before"] : ["before", "lost?"]))
        #expect(await harness.append([(0, "after"), (1, "after")], to: log).offsets == [Int64(values.count), 1])
        log.close()
        #expect(try harness.verify() == [])
    }

    @Test func aFailedWriteOfASegmentPoisonsItsPartitionUntilARestart() async throws {
        let harness = LogHarness()
        var log = try harness.open()
        _ = await harness.append([(0, "before"), (1, "before")], to: log)
        harness.fileSystem.fail(.write, path: "/t-0/")
        // It stands in the journal by then.
        #expect(await harness.append([(0, "journaled"), (1, "fine")], to: log).offsets == [1, 1])
        harness.fileSystem.heal()

        let refused = await harness.append([(0, "refused"), (1, "fine too")], to: log)
        #expect(refused.offsets == [AppendReceipt.unassigned, 2])
        #expect(refused.failures.map(\.code) == [.notWritable])
        #expect(log.troubles.map(\.partition) == [harness.partition(0)])
        let failure = await #expect(throws: LogError.self) { try await harness.readAll(log, 0) }
        #expect(failure?.message.contains("offsets 1 to 1 are in the journal") == true)
        log.close()

        log = try harness.open()
        #expect(try await harness.readAll(log, 0).map(\.value) == ["before", "journaled"])
        #expect(try await harness.readAll(log, 1).map(\.value) == ["before", "fine", "fine too"])
        #expect(await harness.append([(0, "after")], to: log).offsets == [2])
        log.close()
        #expect(try harness.verify() == [])
    }

    @Test func aSyncThatFailsLaterPoisonsToo() async throws {
        let harness = LogHarness()
        harness.partitionCount = 1
        harness.options.durability = .os
        harness.options.checkpointIntervalMilliseconds = 10
        let log = try harness.open()
        harness.fileSystem.fail(.sync)
        #expect(await harness.append([(0, "a")], to: log).failures.isEmpty)
        try await until { !log.troubles.isEmpty }
        #expect(await harness.append([(0, "b")], to: log).failures.map(\.code) == [.notWritable])
        harness.fileSystem.heal()
        log.close()
    }

    @Test func shortWritesAreFinished() async throws {
        let harness = LogHarness()
        harness.fileSystem.plan.withLock { $0.writeBytesMax = 7 }
        var log = try harness.open()
        for number in 0..<20 { #expect(await harness.append([(0, "value-\(number)")], to: log).failures.isEmpty) }
        log.close()
        #expect(try harness.verify() == [])
        log = try harness.open()
        #expect(try await harness.readAll(log, 0).count == 20)
        log.close()
    }

    @Test func aNewSegmentThatCannotBeMadePoisonsAndLosesNothing() async throws {
        let harness = LogHarness()
        harness.options.segmentBytes = 64 << 10
        harness.partitionCount = 1
        var random = SeededGenerator(seed: 11)
        var log = try harness.open()
        var acknowledged: [String] = []
        harness.fileSystem.fail(.syncDirectory, path: "/t-0")
        for _ in 0..<20 {
            let value = random.text(8000)
            if await harness.append([(0, value)], to: log).failures.isEmpty { acknowledged.append(value) }
        }
        #expect((1..<20).contains(acknowledged.count))
        harness.fileSystem.heal()
        log.close()
        log = try harness.open()
        #expect(try await harness.readAll(log, 0).map(\.value).starts(with: acknowledged))
        log.close()
    }

    @Test func aTornTailWithoutRoomToKeepItOpensReadOnlyAndChangesNothing() async throws {
        let harness = LogHarness()
        let (whole, lastStart) = try await prepare(harness)
        try forgetRecoveryPoint(harness)
        let torn = Array(whole.dropLast(3))
        try harness.write(torn, to: harness.segment(0, ".log"))
        harness.fileSystem.plan.withLock { $0.number = 28 }
        harness.fileSystem.fail(.write)
        var log = try harness.open()
        #expect(log.troubles.count == 1)
        #expect(try await harness.readAll(log, 0).count == 8)
        #expect(await harness.append([(0, "x")], to: log).failures.map(\.code) == [.notWritable])
        #expect(harness.bytes(harness.segment(0, ".log")) == torn)
        log.close()
        harness.fileSystem.heal()
        log = try harness.open()
        #expect(await harness.append([(0, "x")], to: log).offsets == [8])
        log.close()
        #expect(lastStart > 0)
    }

    @Test func syncingIsWhatAnAcknowledgementWaitsFor() async throws {
        let harness = LogHarness()
        harness.partitionCount = 1
        let log = try harness.open()
        let before = harness.fileSystem.count(of: .sync)
        _ = await harness.append([(0, "a")], to: log)
        #expect(harness.fileSystem.count(of: .sync) == before + 1)
        log.close()

        let lax = LogHarness()
        lax.partitionCount = 1
        lax.options.durability = .os
        let other = try lax.open()
        let none = lax.fileSystem.count(of: .sync)
        _ = await lax.append([(0, "a")], to: other)
        #expect(lax.fileSystem.count(of: .sync) == none)
        other.close()
    }
}

import EventLog
import LogStorage
import RecordFormat
import TestSupport
import Testing

/// Damage of every kind: what is left is served at its offsets, what is gone is told, nothing is cut that could be read.
@Suite struct DamageTests {
    /// Three segments of small batches in one partition, closed; what stands at each offset.
    private func prepare() throws -> (log: SimulatedLog, files: [String: [UInt8]], values: [String], bases: [Int64]) {
        var log = SimulatedLog()
        log.options.segmentBytes = 400
        let core = try log.open()
        var values: [String] = []
        for number in 0..<9 {
            let batch = number % 3 == 0 ? ["value-\(number)"] : ["value-\(number)", "more-\(number)"]
            #expect(
                log.append(batch, to: core, timestamp: 1000 + Int64(number))
                    == Array(Int64(values.count)..<Int64(values.count + batch.count)))
            values += batch
        }
        let bases = core.partitions[0].segments.map(\.baseOffset)
        core.close()
        #expect(bases.count == 3)
        return (log, log.files(), values, bases)
    }

    /// Everything that is served is at its offset; the rest lies in the holes. Returns the missing offsets.
    private func check(_ log: SimulatedLog, _ core: LogCore, _ values: [String]) throws -> [Int64] {
        let (records, holes) = try log.contents(core)
        for record in records { #expect(values[Int(record.offset)] == record.value) }
        #expect(Set(records.map(\.offset)).count == records.count)
        let missing = (0..<Int64(values.count)).filter { offset in !records.contains { $0.offset == offset } }
        #expect(missing == holes.flatMap { Array($0) })
        #expect(core.partitions[0].bounds.highWatermark.value == Int64(values.count))
        return missing
    }

    @Test(arguments: ["after a clean stop", "after a crash"])
    func everyFlippedBitIsFoundAndCostsAtMostItsBatch(_ how: String) throws {
        let (log, files, values, bases) = try prepare()
        var (mended, lost, torn) = (0, 0, 0)
        for base in bases {
            let path = log.segment(base)
            for bit in 0..<files[path]!.count * 8 {
                log.restore(files)
                if how == "after a crash" { log.fileSystem.delete(SimulatedLog.recoveryPoints) }
                var bytes = files[path]!
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                log.fileSystem.put(bytes, at: path)
                let findings = try log.verify().findings
                #expect(findings.contains { $0.path == path }, "bit \(bit) of \(path)")

                let core = try log.open()
                #expect(core.troubles.allSatisfy { $0.state.isWritable })
                if !core.recovery.cuts.isEmpty {
                    // Without a recovery point nothing tells the last batch from a torn one.
                    #expect(how == "after a crash" && base == bases.last)
                    let (records, holes) = try log.contents(core)
                    #expect(records.map(\.value) == Array(values.dropLast(2)) && holes.isEmpty)
                    torn += 1
                    continue
                }
                let missing = try check(log, core, values)
                #expect(missing.count <= 2)
                if missing.isEmpty { mended += 1 } else { lost += 1 }
                if !missing.isEmpty {
                    let damage = core.partitions[0].damage
                    #expect(damage.items.map(\.region.lostOffsets) == [missing[0]..<missing.last! + 1])
                    #expect(core.troubles.first?.description.contains("\(missing[0]) to \(missing.last!) are lost") == true)
                }
                #expect(log.append(["after"], to: core, timestamp: 5000) == [Int64(values.count)])
                core.close()
                _ = try log.repair()
                #expect(try log.verify().findings == [], "bit \(bit) of \(path)")
                let again = try log.open()
                #expect(try check(log, again, values + ["after"]) == missing)
            }
        }
        // Of a batch's head, 17 bytes follow from the neighbours; a flip there loses nothing.
        #expect(mended >= (9 - (torn > 0 ? 1 : 0)) * 17 * 8)
        #expect(lost > 4000)
    }

    @Test func damageWithoutRoomToSetItAsideIsSteppedOverAndChangesNothing() throws {
        let (log, files, values, bases) = try prepare()
        log.fileSystem.delete(SimulatedLog.recoveryPoints)
        var bytes = files[log.segment(bases[1])]!
        bytes[100] ^= 1
        log.fileSystem.put(bytes, at: log.segment(bases[1]))
        // Recovery removes it first, which makes room.
        log.fileSystem.delete(String(log.segment(bases[1]).dropLast(4)) + ".ids")
        log.fileSystem.setCapacity(log.fileSystem.usedBytes)
        let core = try log.open()
        #expect(try check(log, core, values).count == 1)
        let trouble = try #require(core.troubles.first)
        #expect(!trouble.state.isWritable)
        #expect(trouble.description.contains("No space left") && trouble.description.contains("make room and restart"))
        #expect(log.append(["x"], to: core) == [AppendReceipt.unassigned])
        #expect(log.fileSystem.bytes(log.segment(bases[1])) == bytes)
        core.close()

        log.fileSystem.setCapacity(nil)
        let healed = try log.open()
        #expect(try check(log, healed, values).count == 1)
        #expect(log.append(["x"], to: healed) == [Int64(values.count)])
        let item = try #require(healed.partitions[0].damage.items.first)
        #expect(item.region.bytes.contains(100))
        let kept = try #require(item.keptAt)
        #expect(log.fileSystem.bytes(kept) == Array(bytes[item.region.bytes]))
    }

    /// A client that sends a lost record again must not be told that it is stored.
    @Test(arguments: [SimulatedFileSystem.Stop.kill, .powerCut], ["recovery", "repair"])
    func noIdOfALostRecordIsLeftWhereverACrashInterruptsTheSettingAside(
        _ stop: SimulatedFileSystem.Stop, _ how: String
    ) throws {
        let (log, files, values, bases) = try prepare()
        var bytes = files[log.segment(bases[1])]!
        bytes[100] ^= 1
        var steps = 0
        while true {
            steps += 1
            log.restore(files)
            if how == "recovery" { log.fileSystem.delete(SimulatedLog.recoveryPoints) }
            log.fileSystem.put(bytes, at: log.segment(bases[1]))
            log.fileSystem.stop(afterSteps: steps)
            if how == "recovery" { _ = try? log.open() } else { _ = try? log.repair() }
            let wasInterrupted = log.fileSystem.isDown
            log.fileSystem.restart(after: stop)
            let core = try log.open()
            let lost = try check(log, core, values)
            #expect(lost.count == 1)
            let offsets = try core.partitions[0].identities(since: 0).all().map(\.offset.value)
            // Where the damage stands untouched, its ids may too.
            if log.fileSystem.bytes(log.segment(bases[1])) != bytes {
                #expect(!offsets.contains(lost[0]), "step \(steps)")
            }
            core.close()
            if !wasInterrupted { break }
        }
        #expect(steps > 5)
    }

    @Test func whatIsReadUpToAnOffsetEndsThereBesideDamageToo() throws {
        let (log, files, values, bases) = try prepare()
        var bytes = files[log.segment(bases[1])]!
        // The first batch's head, which is mended, and the body of one behind it, which is lost.
        bytes[3] ^= 1
        bytes[bytes.count - 1] ^= 1
        log.fileSystem.put(bytes, at: log.segment(bases[1]))
        let inspector = LogInspector(LogDirectory("/log", fileSystem: log.fileSystem))
        func read(_ first: Int64, _ end: Int64) throws -> (records: [Int64], holes: [Int64]) {
            var (records, holes): ([Int64], [Int64]) = ([], [])
            try inspector.forEachRecord(
                of: TopicPartition(log.topic, PartitionID(0)), from: first, to: end,
                onHole: { offsets, _ in holes += Array(offsets) }, { records.append($0.offset) })
            return (records, holes)
        }
        let whole = try read(0, .max)
        #expect(!whole.holes.isEmpty && (whole.records + whole.holes).sorted() == Array(0..<Int64(values.count)))
        for first in 0...Int64(values.count) {
            for end in 0...Int64(values.count) {
                let part = try read(first, end)
                #expect(part.records == whole.records.filter { $0 >= first && $0 < end }, "\(first) to \(end)")
                #expect(part.holes == whole.holes.filter { $0 >= first && $0 < end }, "\(first) to \(end)")
            }
        }
    }

    @Test(arguments: 0..<3)
    func aSegmentThatIsEmptyGoneOrCutIsAHoleAndLaterOffsetsStay(_ which: Int) throws {
        for damage in ["emptied", "removed", "cut", "zeroed"] {
            let (log, files, values, bases) = try prepare()
            let path = log.segment(bases[which])
            switch damage {
            case "emptied": log.fileSystem.put([], at: path)
            case "removed": log.fileSystem.delete(path)
            case "cut": log.fileSystem.put(Array(files[path]!.dropLast(150)), at: path)
            default: log.fileSystem.put(Array(repeating: 0, count: files[path]!.count), at: path)
            }
            let core = try log.open()
            let (records, _) = try log.contents(core)
            for record in records { #expect(values[Int(record.offset)] == record.value) }
            let range = bases[which]..<(which < 2 ? bases[which + 1] : Int64(values.count))
            let missing = (0..<Int64(values.count)).filter { offset in !records.contains { $0.offset == offset } }
            #expect(damage == "cut" ? range.contains(missing[0]) : missing == Array(range), "\(damage) \(which)")
            #expect(log.append(["after"], to: core, timestamp: 5000) == [Int64(values.count)], "\(damage) \(which)")
            core.close()
            _ = try log.repair()
            #expect(try log.verify().findings == [], "\(damage) \(which)")
        }
    }

    /// A start goes on at the last batch that the indexes know. Where just that one is damaged, what stands in its place must be as late,
    /// or everything in the segment would look old: forgotten by deduplication, removed by retention.
    @Test(arguments: ["mended", "lost"], [true, false])
    func damageInTheBatchAtWhichAStartGoesOnMakesNothingOlder(_ what: String, _ hasRoom: Bool) throws {
        var log = SimulatedLog()
        log.options.segmentBytes = 1 << 20
        log.options.retentionAgeMilliseconds = 3_600_000
        var random = SeededGenerator(seed: 3)
        var core = try log.open()
        let noon: Int64 = 1_769_000_000_000
        // An index interval is 4096 bytes: the second and the last batch are in the indexes, the third is not.
        for (number, byteCount) in [6000, 100, 6000, 6000].enumerated() {
            log.append([random.text(byteCount)], to: core, timestamp: noon + Int64(number) * 600_000)
        }
        core.close()
        var bytes = try #require(log.fileSystem.bytes(log.segment(0)))
        bytes[what == "lost" ? bytes.count - 1 : try starts(bytes).last! + 16] ^= 1
        log.fileSystem.put(bytes, at: log.segment(0))
        if !hasRoom {
            log.fileSystem.delete(log.segment(0, FileNames.identitiesSuffix))
            log.fileSystem.setCapacity(log.fileSystem.usedBytes)
        }

        core = try log.open()
        let records = try log.contents(core).records
        #expect(records.map(\.offset) == (what == "lost" ? [0, 1, 2] : [0, 1, 2, 3]))
        let since = UInt32((noon + 900_000) / 1000)
        let remembered = try core.partitions[0].identities(since: since).all().map(\.offset.value)
        #expect(remembered == (what == "lost" ? [2] : [2, 3]), "ids of the window are remembered")
        if hasRoom {
            // The clock is an hour behind: times never fall all the same.
            #expect(log.append(["after"], to: core, timestamp: noon - 3_600_000) == [4])
            let newest = try log.contents(core).records.last
            #expect(newest?.timestamp == noon + 1_800_000)
        }
        core.close()
        log.fileSystem.setCapacity(nil)
        core = try log.open()
        core.close()
        #expect(try log.verify().findings == [])
    }

    /// Where the batches of a `.log` begin.
    private func starts(_ bytes: [UInt8]) throws -> [Int] {
        var found: [Int] = []
        try bytes.withUnsafeBytes { bytes in
            var place = 0
            while place < bytes.count {
                found.append(place)
                place += try RecordBatchHeader(reading: UnsafeRawBufferPointer(rebasing: bytes[place...])).totalBytes
            }
        }
        return found
    }

    /// Bytes of another file that stand behind a torn tail, as a file system without order may leave them: its batches are whole, but
    /// older than the log's last record.
    @Test func aWholeBatchOfAnotherFileBehindATornTailIsNoneOfTheLogs() throws {
        let log = SimulatedLog()
        var core = try log.open()
        let whole = ["one", "two"].map { log.append([$0], to: core, timestamp: 9000) }
        let before = try #require(log.fileSystem.bytes(log.segment(0)))
        #expect(whole == [[0], [1]])
        core.close()
        let other = SimulatedLog()
        let otherCore = try other.open()
        for number in 0..<20 { other.append(["other-\(number)"], to: otherCore, timestamp: 8000) }
        let stale = try #require(other.fileSystem.bytes(other.segment(0)))
        let start = try starts(stale)[15]
        log.fileSystem.delete(SimulatedLog.recoveryPoints)
        log.fileSystem.put(
            before + Array(before.prefix(60)) + Array(repeating: 0, count: 200) + Array(stale[start...]), at: log.segment(0))
        core = try log.open()
        #expect(core.troubles.isEmpty && core.recovery.cuts.count == 1)
        let (records, holes) = try log.contents(core)
        #expect(records.map(\.value) == ["one", "two"] && holes.isEmpty)
        #expect(log.append(["three"], to: core, timestamp: 9001) == [2])
    }

    @Test(arguments: ["recovery", "repair"])
    func bytesBehindTheLastBatchOfAClosedSegmentAreSetAside(_ how: String) throws {
        let (log, files, values, bases) = try prepare()
        let path = log.segment(bases[0])
        log.fileSystem.put(files[path]! + [1, 2, 3], at: path)
        #expect(try log.verify().findings.map(\.path) == [path])
        if how == "recovery" { log.fileSystem.delete(SimulatedLog.recoveryPoints) } else { #expect(try log.repair().left == []) }
        let core = try log.open()
        #expect(try check(log, core, values) == [])
        core.close()
        #expect(try log.verify().findings == [])
        #expect(log.fileSystem.bytes(path) == files[path])
        let kept = log.fileSystem.paths.filter { $0.contains(FileNames.damagedInfix) }
        #expect(kept.map { log.fileSystem.bytes($0)! } == [[1, 2, 3]])
    }

    @Test func aMarkerFillsExactlyWhatItReplacesAndSaysWhy() throws {
        for byteCount in HoleMarker.byteCountMin(offsetCount: 3)...400 {
            let marker = HoleMarker.batch(offsets: 70..<73, timestamp: 5, byteCount: byteCount, reason: "bit rot")
            #expect(marker.count == byteCount)
            try marker.withUnsafeBytes { bytes in
                let header = try RecordBatchReader.checkedHeader(bytes)
                #expect(header.totalBytes == byteCount && header.isControlBatch)
                #expect(header.baseOffset == 70 && header.nextOffset == 73 && header.maxTimestamp == 5)
                #expect("bit rot".hasPrefix(HoleMarker.reason(in: bytes) ?? "-"))
            }
        }
        let long = HoleMarker.batch(offsets: 0..<Int64(Int32.max), timestamp: 0, reason: "all of it")
        #expect(long.withUnsafeBytes { HoleMarker.reason(in: $0) } == "all of it")
    }

    @Test func indexesWithAFlippedBitNeverGiveAWrongAnswer() throws {
        var log = SimulatedLog()
        log.options.segmentBytes = 20_000
        var random = SeededGenerator(seed: 12)
        let core = try log.open()
        var values: [String] = []
        for number in 0..<60 {
            values.append(random.text(700))
            log.append([values[number]], to: core, timestamp: Int64(number * 10))
        }
        core.close()
        let files = log.files()
        for (path, bytes) in files.sorted(by: { $0.key < $1.key })
        where FileNames.cacheSuffixes.contains(where: { path.hasSuffix($0) }) {
            for bit in stride(from: 0, to: bytes.count * 8, by: path.hasSuffix(FileNames.identitiesSuffix) ? 61 : 1) {
                log.restore(files)
                var changed = bytes
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                log.fileSystem.put(changed, at: path)
                let core = try log.open()
                #expect(try log.contents(core).records.map(\.value) == values)
                for number in stride(from: 0, to: 60, by: 7) {
                    let found = try core.partitions[0].offset(atOrAfter: Int64(number * 10 - 5))
                    #expect(found?.value == Int64(number), "bit \(bit) of \(path)")
                }
                #expect(try core.partitions[0].identities(since: 0).all().count == 60)
            }
        }
    }
}

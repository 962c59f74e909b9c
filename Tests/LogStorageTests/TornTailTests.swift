import EventLog
import Foundation
import LogStorage
import TestSupport
import Testing

/// What a crash in the middle of a write leaves, and crashes in the middle of repairing that.
@Suite struct TornTailTests {
    /// A partition with two small batches and a last one of about `byteCount`, as a crash leaves it: no recovery point. What is torn
    /// is not in the journal.
    private func prepare(lastBytes byteCount: Int) throws -> (
        log: SimulatedLog, whole: [UInt8], lastStart: Int, files: [String: [UInt8]]
    ) {
        var log = SimulatedLog()
        log.options.batchBytes = 2 << 20
        let core = try log.open()
        log.append(["first"], to: core)
        log.append(["second"], to: core)
        let lastStart = core.partitions[0].segments[0].readableBytes
        var random = SeededGenerator(seed: 21)
        log.append([random.text(byteCount)], to: core)
        let whole = log.fileSystem.bytes(log.segment(0))!
        log.fileSystem.restart(after: .kill)
        log.loseJournal()
        return (log, whole, lastStart, log.files())
    }

    @Test(arguments: [1, 64 << 10, 1 << 20])
    func aTailTornAtAnyByteIsCutAtTheLastWholeBatch(_ byteCount: Int) throws {
        let (log, whole, lastStart, files) = try prepare(lastBytes: byteCount)
        var random = SeededGenerator(seed: 22)
        // An older batch of the same place, as a filesystem gives it back that had not freed it yet.
        let stale = Array(whole[..<lastStart])
        let tails = [[], Array(repeating: 0, count: 3000), random.bytes(3000), stale]
        let length = whole.count - lastStart
        for cut in cuts(length) {
            // All four at the ends; in the middle of a large batch they take turns.
            let isNearEnd = cut < Self.endBytes || cut >= length - Self.endBytes
            for (number, tail) in tails.enumerated() where isNearEnd || cut % 4 == number {
                let torn = Array(whole[..<(lastStart + cut)]) + tail
                // Zeros may be what the batch ends with.
                if torn.starts(with: whole) { continue }
                log.restore(files)
                log.fileSystem.put(torn, at: log.segment(0))
                let core = try log.open()
                let (records, holes) = try log.contents(core)
                #expect(records.map(\.value) == ["first", "second"] && holes.isEmpty, "cut at \(cut)")
                #expect(core.troubles.isEmpty)
                let expected = Array(torn[lastStart...])
                #expect(core.recovery.cuts.first?.report.cutBytes == (expected.isEmpty ? nil : expected.count))
                let kept = core.recovery.cuts.first?.report.keptAt
                let isWorthKeeping = expected.contains { $0 != 0 }
                #expect(kept.flatMap { log.fileSystem.bytes($0) } == (isWorthKeeping ? expected : nil), "cut at \(cut)")
                #expect(log.append(["third"], to: core) == [2])
            }
        }
    }

    private static let endBytes = 150

    /// Every byte of batches up to 64 KiB; of larger ones, and without optimization, every byte of the ends and places evenly
    /// between, unless all are asked for (`Tools/test --every-byte`).
    private func cuts(_ length: Int) -> [Int] {
        var step = length > 100_000 ? 2003 : 1
        #if DEBUG
        if length > 1000 { step = max(step, 997) }
        #endif
        if ProcessInfo.processInfo.environment["OKLA_EVERY_BYTE"] != nil { step = 1 }
        guard step > 1 else { return Array(0..<length) }
        var cuts = Array(0..<Self.endBytes)
        cuts += stride(from: Self.endBytes, to: length - Self.endBytes, by: step)
        cuts += (length - Self.endBytes)..<length
        return cuts
    }

    @Test(arguments: [SimulatedFileSystem.Stop.kill, .powerCut])
    func aSecondCrashAtAnyStepOfTheRecoveryLosesNothing(_ stop: SimulatedFileSystem.Stop) throws {
        let (log, whole, lastStart, files) = try prepare(lastBytes: 600)
        // Damage in the second batch and a torn third one, so that recovery sets aside, marks and cuts.
        var damaged = Array(whole.dropLast(5))
        damaged[lastStart - 4] ^= 0x10
        for (name, bytes) in [("torn", Array(whole.dropLast(5))), ("damaged", damaged + whole[lastStart...])] {
            var steps = 0
            while true {
                steps += 1
                log.restore(files)
                log.fileSystem.put(bytes, at: log.segment(0))
                log.fileSystem.stop(afterSteps: steps)
                let first = try? log.open()
                let wasInterrupted = log.fileSystem.isDown
                _ = first
                log.fileSystem.restart(after: stop)
                let core = try log.open()
                let (records, _) = try log.contents(core)
                #expect(core.troubles.allSatisfy { $0.state.isWritable })
                #expect(records.first?.value == "first", "\(name), step \(steps)")
                if name == "torn" {
                    #expect(records.map(\.value) == ["first", "second"], "step \(steps)")
                } else {
                    #expect(records.map(\.offset) == [0, 2], "step \(steps): \(records)")
                }
                // The original bytes are in one file at least, whatever happened.
                let lost = name == "torn" ? Array(bytes[lastStart...]) : Array(bytes[..<lastStart].suffix(40))
                let isKept = log.fileSystem.paths.contains { path in
                    let contents = log.fileSystem.bytes(path)!
                    return contents.count >= lost.count
                        && (0...contents.count - lost.count).contains { contents[$0..<$0 + lost.count].elementsEqual(lost) }
                }
                #expect(isKept, "\(name), step \(steps)")
                core.close()
                #expect(try log.verify().findings == [], "\(name), step \(steps)")
                if !wasInterrupted { break }
            }
            #expect(steps > 8, "\(name): recovery takes several steps")
        }
    }
}

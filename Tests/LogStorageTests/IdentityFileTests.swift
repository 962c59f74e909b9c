import EventLog
import LogStorage
import TestSupport
import Testing

/// The `.ids` files of a log that is opened, whatever has become of them: what they say is right, and they come back.
@Suite struct IdentityFileTests {
    /// Two closed segments of some 15 blocks, and one that is written to, of nearly as many. The log is closed.
    private struct Filled {
        let log: SimulatedLog
        let files: [String: [UInt8]]
        let bases: [Int64]
        let identities: [StoredIdentity]

        init() throws {
            var log = SimulatedLog()
            log.options.segmentBytes = 300_000
            let core = try log.open()
            let partition = core.partitions[0]
            var number = 0
            while partition.segments.count < 3 || partition.segments[2].readableBytes < 250_000 {
                log.append((0..<100).map { "\(number + $0)" }, to: core, timestamp: 5000 + Int64(number))
                number += 100
            }
            identities = try partition.identities(since: 0).all()
            bases = partition.segments.map(\.baseOffset)
            core.close()
            self.log = log
            files = log.files()
            #expect(identities.count == number && identities.map(\.offset.value) == Array(0..<Int64(number)))
            for base in bases { #expect(files[path(base)]!.count > 100_000, "more than is read at once") }
        }

        func path(_ base: Int64) -> String { log.segment(base, FileNames.identitiesSuffix) }

        /// Starts of the blocks in a file, which follow each other.
        func blocks(_ bytes: [UInt8]) -> [Int] {
            var starts: [Int] = []
            var end = bytes.count
            while end > 0, let count = bytes[..<end].withUnsafeBytes({ IdentityBlock.byteCount(ending: $0) }) {
                end -= count
                starts.insert(end, at: 0)
            }
            #expect(end == 0)
            return starts
        }
    }

    private enum Harm: CaseIterable {
        case missing, empty, torn, longer, firstBlock, middle, last, foreign, cutBlock, lateStart
    }

    private func harmed(_ filled: Filled, _ base: Int64, _ harm: Harm) -> [UInt8]? {
        let good = filled.files[filled.path(base)]!
        let blocks = filled.blocks(good)
        var bytes = good
        switch harm {
        case .missing: return nil
        case .empty: return []
        case .torn: return Array(good.dropLast(5))
        case .longer: return good + good[..<100]
        case .firstBlock: bytes[blocks[1] - 20] ^= 1
        case .middle: bytes[blocks[blocks.count / 2] + 50] ^= 1
        case .last: bytes[bytes.count - 20] ^= 1
        // Of another segment: its blocks are whole, and begin and end elsewhere.
        case .foreign: return filled.files[filled.path(filled.bases.first { $0 != base }!)]!
        case .cutBlock: bytes.removeSubrange(blocks[3]..<blocks[4])
        case .lateStart: bytes.removeSubrange(..<blocks[1])
        }
        return bytes
    }

    @Test func ofAClosedSegmentItIsMadeAnewWhenItIsRead() throws {
        let filled = try Filled()
        for base in filled.bases.dropLast() {
            for harm in Harm.allCases {
                filled.log.restore(filled.files)
                let path = filled.path(base)
                if let bytes = harmed(filled, base, harm) {
                    filled.log.fileSystem.put(bytes, at: path)
                } else {
                    filled.log.fileSystem.delete(path)
                }
                let core = try filled.log.open()
                #expect(try core.partitions[0].identities(since: 0).all() == filled.identities, "\(harm)")
                #expect(filled.log.fileSystem.bytes(path) == filled.files[path], "\(harm)")
                core.close()
            }
        }
    }

    @Test func ofTheLastSegmentItIsMadeAnewAtTheNextStartAtTheLatest() throws {
        let filled = try Filled()
        let path = filled.path(filled.bases[2])
        for harm in Harm.allCases {
            filled.log.restore(filled.files)
            if let bytes = harmed(filled, filled.bases[2], harm) {
                filled.log.fileSystem.put(bytes, at: path)
            } else {
                filled.log.fileSystem.delete(path)
            }
            for start in 1...2 {
                let core = try filled.log.open()
                #expect(try core.partitions[0].identities(since: 0).all() == filled.identities, "\(harm), start \(start)")
                core.close()
                #expect(try filled.log.verify().findings == [], "\(harm), start \(start)")
            }
            #expect(filled.log.fileSystem.bytes(path) == filled.files[path], "\(harm)")
        }
    }

    /// The records in it get blocks again when the log goes on, and not behind a gap.
    @Test func aFileThatIsTakenAwayUnderTheLogComesBackAtTheNextStart() throws {
        let filled = try Filled()
        let path = filled.path(filled.bases[2])
        for left in [nil, 0, 100] as [Int?] {
            filled.log.restore(filled.files)
            var core = try filled.log.open()
            if let left {
                filled.log.fileSystem.put(Array(filled.files[path]![..<left]), at: path)
            } else {
                filled.log.fileSystem.delete(path)
            }
            let more = (0..<2000).map { "more-\($0)" }
            filled.log.append(more, to: core, timestamp: 1_000_000)
            core.close()
            #expect(filled.log.fileSystem.bytes(path)?.count == left)
            core = try filled.log.open()
            let found = try core.partitions[0].identities(since: 0).all()
            #expect(Array(found.prefix(filled.identities.count)) == filled.identities)
            #expect(found.count == filled.identities.count + more.count)
            core.close()
            #expect(filled.log.fileSystem.bytes(path)?.starts(with: filled.files[path]!) == true)
        }
    }

    @Test func whatIsOlderIsNotTouched() throws {
        let filled = try Filled()
        let first = filled.path(filled.bases[0])
        filled.log.fileSystem.delete(first)
        let core = try filled.log.open()
        for (number, base) in filled.bases.enumerated().dropFirst() {
            for since in [
                filled.identities[Int(base)].timestampSeconds + 1, filled.identities[Int(base) + 3000].timestampSeconds,
            ] {
                let found = try core.partitions[0].identities(since: since).all()
                #expect(found == filled.identities.filter { $0.timestampSeconds >= since }, "segment \(number)")
                #expect(filled.log.fileSystem.bytes(first) == nil)
            }
        }
        #expect(try core.partitions[0].identities(since: .max).all().isEmpty)
        #expect(try core.partitions[0].identities(since: 0).all() == filled.identities)
        #expect(filled.log.fileSystem.bytes(first) == filled.files[first])
    }
}

import EventLog
import LogStorage
import TestSupport
import Testing

/// What `log repair` does for caches, and what `log verify` says beside a running service.
@Suite struct RepairTests {
    /// Two closed segments and a last one.
    private func prepare() throws -> (log: SimulatedLog, files: [String: [UInt8]], bases: [Int64]) {
        let (log, bases) = try SimulatedLog.ofSegments(3, lastBytes: 80_000)
        return (log, log.files(), bases)
    }

    private func caches(_ log: SimulatedLog, _ bases: [Int64]) -> [String] {
        bases.flatMap { base in FileNames.cacheSuffixes.map { log.segment(base, $0) } }
    }

    @Test func everyCacheThatSaysAnythingElseThanTheLogIsPutRight() throws {
        let (log, files, bases) = try prepare()
        for path in caches(log, bases) {
            let bytes = files[path]!
            for (what, changed) in [
                ("a bit in the middle", flipped(bytes, bytes.count / 2)), ("a bit of an early entry", flipped(bytes, 15)),
                ("a bit of the last entry", flipped(bytes, bytes.count - 1)), ("cut", Array(bytes.dropLast(5))), ("emptied", []),
                ("zeroed", Array(repeating: 0, count: bytes.count)), ("longer", bytes + [1, 2, 3]),
            ] {
                log.restore(files)
                log.fileSystem.put(changed, at: path)
                let result = try log.repair()
                #expect(result.setAside.isEmpty && result.left.isEmpty)
                #expect(try log.verify().findings == [], "\(what): \(path)")
                // Those of the last segment are written when the service has it.
                if path.hasPrefix(String(log.segment(bases[2]).dropLast(4))) { try log.open().close() }
                #expect(log.fileSystem.bytes(path) == bytes, "\(what): \(path)")
            }
        }
    }

    private func flipped(_ bytes: [UInt8], _ place: Int) -> [UInt8] {
        var bytes = bytes
        bytes[place] ^= 1
        return bytes
    }

    // MARK: Verify beside a service

    @Test func besideAServiceWhatIsBelowTheRecoveryPointIsCheckedAsEver() throws {
        let (log, files, bases) = try prepare()
        for path in caches(log, Array(bases.dropLast())) {
            for changed in [flipped(files[path]!, files[path]!.count / 2), []] {
                log.restore(files)
                log.fileSystem.put(changed, at: path)
                #expect(try log.verify(isInUse: true).findings.map(\.path) == [path])
            }
        }
        // The last segment ends early, below the point.
        log.restore(files)
        let last = log.segment(bases[2])
        log.fileSystem.put(Array(files[last]!.dropLast(10)), at: last)
        let found = try log.verify(isInUse: true).findings
        #expect(found.map(\.path) == [last] && found[0].problem.contains("are lost"))
    }

    @Test func besideAServiceNothingThatItIsStillWritingIsAFinding() throws {
        let (log, files, bases) = try prepare()
        let last = bases[2]
        // It has committed, and rolled, since its last recovery point; a batch is half there; its caches end anywhere.
        log.fileSystem.put(Array("0\n1\nt 0 \(bases[1] + 5)\n".utf8), at: SimulatedLog.recoveryPoints)
        log.fileSystem.put(files[log.segment(last)]! + [0, 0, 0], at: log.segment(last))
        for base in bases.dropFirst() {
            for suffix in FileNames.cacheSuffixes {
                let path = log.segment(base, suffix)
                for count in [0, 3, files[path]!.count / 2] {
                    log.fileSystem.put(Array(files[path]!.prefix(count)), at: path)
                    #expect(try log.verify(isInUse: true).findings == [], "\(count) of \(path)")
                }
                log.fileSystem.delete(path)
                #expect(try log.verify(isInUse: true).findings == [])
                log.fileSystem.put(flipped(files[path]!, 2), at: path)
                #expect(
                    try log.verify(isInUse: true).findings.map(\.path) == (suffix == FileNames.identitiesSuffix ? [] : [path]))
                log.fileSystem.put(files[path]!, at: path)
            }
        }
    }
}

import EventLog
import LogStorage
import TestSupport
import Testing

/// `meta.properties`: no change of it is believed, and without it nothing is lost.
@Suite struct LogMetaTests {
    private static let path = "/log/\(FileNames.meta)"

    private func prepare() throws -> SimulatedLog {
        var log = SimulatedLog()
        log.partitionCount = 3
        let core = try log.open()
        log.append(["a", "b", "c"], to: core)
        core.close()
        return log
    }

    @Test func everyFlippedBitAndEveryCutIsFound() throws {
        let log = try prepare()
        let bytes = try #require(log.fileSystem.bytes(Self.path))
        func expectRefusal(_ changed: [UInt8], _ comment: Comment) throws {
            log.fileSystem.put(changed, at: Self.path)
            for attempt in [{ _ = try log.open() }, { _ = try log.verify() }] {
                let error = #expect(throws: LogError.self, comment, performing: attempt)
                #expect(error?.code == .damaged && error?.message.contains(Self.path) == true, comment)
                #expect(error?.message.contains("remove the file") == true, comment)
            }
            #expect(log.fileSystem.bytes(Self.path) == changed)
        }
        for bit in 0..<bytes.count * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            try expectRefusal(changed, "bit \(bit)")
        }
        for count in 0..<bytes.count { try expectRefusal(Array(bytes[..<count]), "\(count) bytes") }
        try expectRefusal(bytes + bytes, "twice")
    }

    @Test func itComesBackFromTheFoldersAndDeduplicationWithIt() throws {
        let log = try prepare()
        log.fileSystem.delete(Self.path)
        let core = try log.open()
        #expect(core.topics == [TopicDefinition(name: log.topic, partitionCount: 3, keepsIdentities: true)])
        #expect(try log.contents(core).records.map(\.value) == ["a", "b", "c"])
        let hasher = core.identityHasher
        let expected = ["a", "b", "c"].map { value in Array(value.utf8).withUnsafeBytes { hasher.identity(of: $0) } }
        #expect(try core.partitions[0].identities(since: 0).all().map(\.identity) == expected)
        core.close()
        #expect(try log.verify().findings == [])
    }

    @Test(arguments: [1, 2, 4]) func withoutItAnotherNumberOfPartitionsIsRefusedAllTheSame(_ count: Int) throws {
        var log = try prepare()
        log.fileSystem.delete(Self.path)
        log.partitionCount = count
        let error = #expect(throws: LogError.self) { try log.open() }
        #expect(error?.message.contains("was made with 3 partitions, not \(count)") == true)
    }

    @Test func topicsThatAreNotAskedForStay() throws {
        let log = try prepare()
        for number in 0..<2 { log.fileSystem.put([], at: "/log/other-\(number)/\(FileNames.segment(0, FileNames.logSuffix))") }
        let directory = LogDirectory("/log", fileSystem: log.fileSystem)
        for number in 0..<2 { try log.fileSystem.createDirectory("/log/other-\(number)") }
        log.fileSystem.delete(Self.path)
        let core = try log.open()
        #expect(core.topics.map(\.name.text) == ["other", "t"] && core.topics.map(\.partitionCount) == [2, 3])
        core.close()
        #expect(try directory.meta()?.topics == core.topics)
    }
}

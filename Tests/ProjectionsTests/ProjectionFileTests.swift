import Consumption
import EventLog
import Foundation
import GRDB
import Projections
import Synchronization
import TestSupport
import Testing

/// The files are caches: whatever happens to them, and whenever the service was stopped, they come to hold the same.
@Suite struct ProjectionFileTests {
    private func fill(_ harness: HistoryHarness, _ times: Range<Int64>) {
        for time in times {
            let anonymous = "a\(time % 7)"
            harness.log.append([
                time % 5 == 0
                    ? .event("identify", user: "u\(time % 3)", anonymous: anonymous, time: time)
                    : .event(user: time % 2 == 0 ? "u\(time % 3)" : nil, anonymous: anonymous, time: time)
            ])
        }
    }

    /// All that the files hold.
    private func content(_ harness: HistoryHarness) throws -> [String] {
        var lines: [String] = []
        for (name, tables) in [("user-index", ["postings", "positions"]), ("aliases", ["aliases", "positions"])] {
            let queue = try DatabaseQueue(path: "\(harness.folder.path)/\(name).sqlite")
            for table in tables {
                lines += try queue.read {
                    try Row.fetchAll($0, sql: "SELECT * FROM \(table)").map { "\(table) \($0.description)" }
                }
            }
        }
        return lines
    }

    private func histories(_ harness: HistoryHarness) async throws -> [[Int64]] {
        try await harness.open { open in
            var all: [[Int64]] = []
            for user in ["u0", "u1", "u2", "a0", "a6"] { all.append(try await open.all(user).map(\.time)) }
            return all
        }
    }

    @Test func oneMadeAnewHoldsTheSameAsOneMadeByAndBy() async throws {
        let harness = HistoryHarness()
        for round in 0..<8 as Range<Int64> {
            fill(harness, round * 40..<round * 40 + 40)
            _ = try await histories(harness)
        }
        let (before, told) = (try content(harness), try await histories(harness))
        #expect(before.count { $0.hasPrefix("postings") } > 50)
        try harness.removeFiles()
        #expect(try await histories(harness) == told)
        #expect(try content(harness) == before)
        #expect(harness.anew.all.isEmpty)
    }

    @Test(arguments: ["user-index", "aliases"])
    func aDamagedFileIsMadeAnew(_ name: String) async throws {
        let harness = HistoryHarness()
        fill(harness, 0..<300)
        let told = try await histories(harness)
        let path = "\(harness.folder.path)/\(name).sqlite"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for place in 0..<100 { bytes[place] = 0xFF }
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try await histories(harness) == told)
        #expect(harness.anew.all.count == 1)
    }

    @Test func damageThatIsMetLaterIsMendedToo() async throws {
        let harness = HistoryHarness(partitionCount: 1)
        func fill(_ times: Range<Int64>) {
            harness.log.append(times.map { .event(user: "u\($0 % 1000)", time: $0) })
        }
        fill(0..<20_000)
        try await harness.open { open in try await open.shows("u7", (0..<20).map { $0 * 1000 + 7 }.reversed()) }
        let path = "\(harness.folder.path)/user-index.sqlite"
        let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
        try await harness.open { open in
            // Behind the first pages, which were read when it was opened.
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            for place in stride(from: 10 * 4096, to: size, by: 4096) {
                try file.seek(toOffset: UInt64(place))
                try file.write(contentsOf: Data(repeating: 0xFF, count: 4096))
            }
            try file.close()
            await #expect(throws: DatabaseError.self) { _ = try await open.all("u7") }
            fill(20_000..<20_064)
            while harness.anew.all.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            for runner in open.runners { #expect(await runner.reachEnd(atMost: patience)) }
            try await open.shows("u7", [20_007] + (0..<20).map { $0 * 1000 + 7 }.reversed())
        }
    }

    @Test func aFileOfAnotherLogIsMadeAnew() async throws {
        let harness = HistoryHarness()
        fill(harness, 0..<100)
        let told = try await histories(harness)
        harness.hasher = RecordIdentityHasher(key: .init(k0: 3, k1: 4))
        #expect(try await histories(harness) == told)
        #expect(harness.anew.all.count == 2)
        #expect(harness.anew.all.allSatisfy { $0.contains("another log") })
    }

    @Test func aFileThatGoesFurtherThanTheLogIsMadeAnew() async throws {
        let long = HistoryHarness()
        fill(long, 0..<300)
        _ = try await histories(long)
        let short = HistoryHarness()
        fill(short, 0..<50)
        let told = try await histories(short)
        try short.removeFiles()
        for name in ["user-index.sqlite", "aliases.sqlite"] {
            try FileManager.default.copyItem(atPath: "\(long.folder.path)/\(name)", toPath: "\(short.folder.path)/\(name)")
        }
        #expect(try await histories(short) == told)
        #expect(short.anew.all.count == 2)
    }

    @Test func runsWhoseRecordsAreGoneGoToo() async throws {
        let harness = HistoryHarness(partitionCount: 1)
        fill(harness, 0..<320)
        _ = try await histories(harness)
        harness.log.retain(from: 160, of: 0)
        try await harness.open { open in
            while try runs(harness).first != 10 * 4096 { try await Task.sleep(for: .milliseconds(100)) }
            #expect(try runs(harness) == (10..<20).map { $0 * 4096 })
            let found = try await open.all("u1")
            #expect(found.count > 10 && found.allSatisfy { $0.time >= 160 })
        }
    }

    private func runs(_ harness: HistoryHarness) throws -> [Int64] {
        try DatabaseQueue(path: "\(harness.folder.path)/user-index.sqlite")
            .read { try Int64.fetchAll($0, sql: "SELECT DISTINCT run FROM postings ORDER BY run") }
    }

    @Test func anEventThatIsNoJSONIsSetAsideWithItsReason() async throws {
        let harness = HistoryHarness(partitionCount: 1)
        harness.log.append([
            .event("identify", user: "u", anonymous: "a", time: 1),
            .init(key: "u", timestamp: 2, value: "{broken", event: "identify"),
            .event("identify", user: "u", anonymous: "b", time: 3), .event(anonymous: "b", time: 4),
        ])
        try await harness.open { open in
            #expect(open.runners[1].status.passedOver.setAside == 1)
            try await open.shows("u", [4, 3, 1])
        }
        let kept = try DatabaseQueue(path: "\(harness.folder.path)/aliases.sqlite")
            .read { try Row.fetchOne($0, sql: "SELECT position, reason, value FROM set_aside") }
        #expect(kept?["position"] == 1 && kept?["value"] == Data("{broken".utf8))
        #expect((kept?["reason"] as String?)?.contains("no JSON") == true)
        // It stays aside after a restart, and is not tried again.
        try await harness.open { open in #expect(open.runners[1].status.passedOver.setAside == 1) }
    }
}

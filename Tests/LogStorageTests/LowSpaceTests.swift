import EventLog
import LogStorage
import Synchronization
import TestSupport
import Testing

@Suite struct LowSpaceTests {
    @Test func belowTheReserveNothingIsWrittenReadsGoOnAndRoomHealsIt() async throws {
        let harness = LogHarness()
        harness.options.minFreeBytes = 1_000_000
        let log = try harness.open()
        harness.fileSystem.plan.withLock { $0.freeBytes = 1_000_000 }
        #expect(await harness.append([(0, "a")], to: log).offsets == [0])
        #expect(log.shortage == nil)

        harness.fileSystem.plan.withLock { $0.freeBytes = 999_999 }
        let before = harness.bytes(harness.segment(0, ".log"))
        let refused = await harness.append([(0, "b"), (1, "c")], to: log)
        #expect(refused.offsets == [AppendReceipt.unassigned, AppendReceipt.unassigned])
        #expect(refused.failures.map(\.code) == [.lowSpace])
        #expect(refused.failures[0].message.contains("999999 bytes are free"))
        #expect(refused.failures[0].message.contains("Log.MinFreeBytes keeps 1000000"))
        #expect(log.shortage?.message == refused.failures[0].message)
        #expect(harness.bytes(harness.segment(0, ".log")) == before)
        #expect(try await harness.readAll(log, 0).map(\.value) == ["a"])
        #expect(log.troubles.isEmpty, "no partition is at fault")

        harness.fileSystem.plan.withLock { $0.freeBytes = 1_000_000 }
        #expect(await harness.append([(0, "b")], to: log).offsets == [1])
        log.close()
    }
}

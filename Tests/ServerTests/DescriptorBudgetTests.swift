import Foundation
import Server
import Synchronization
import TestSupport
import Testing

@Suite struct DescriptorBudgetTests {
    @Test func theLogsDescriptorsAndAReserveStayFree() {
        let count = Atomic(15)
        let budget = DescriptorBudget(
            limit: 1000, partitionCount: 12, segmentCount: 0, otherCount: 0, countOpen: { count.load(ordering: .relaxed) },
            now: { 0 })
        count.store(130, ordering: .relaxed)
        // 1000, less 64, less 4 for each partition, less the 30 that are no connections.
        #expect(budget.connectionsMax(open: 100) == 1000 - 64 - 48 - 30)
    }

    @Test func whatIsNoConnectionIsCountedAgainTheSoonerTheLessIsFree() {
        let time = Atomic(0)
        let count = Atomic(36)
        let budget = DescriptorBudget(
            limit: 1000, partitionCount: 0, segmentCount: 0, otherCount: 0, countOpen: { count.load(ordering: .relaxed) },
            now: { Double(time.load(ordering: .relaxed)) })
        #expect(budget.connectionsMax(open: 0) == 900)
        count.store(536, ordering: .relaxed)
        time.store(8, ordering: .relaxed)
        #expect(budget.connectionsMax(open: 0) == 900, "900 free are not used up in eight seconds")
        #expect(budget.connectionsMax(open: 200) == 600, "700 may be")
        count.store(600, ordering: .relaxed)
        #expect(budget.connectionsMax(open: 600) == 600)
        time.store(9, ordering: .relaxed)
        #expect(budget.connectionsMax(open: 100) == 600)
        #expect(budget.connectionsMax(open: 600) == 900, "no more than a second old where none is free")
    }

    @Test func whatTheLogAndItsConsumersOpenCountsBeforeItIsOpen() throws {
        let temporary = TemporaryDirectory()
        for name in ["a-0/0.log", "a-0/0.index", "a-1/0.log", "a-1/5.log"] {
            let path = URL(fileURLWithPath: "\(temporary.path)/\(name)")
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: path)
        }
        let segmentCount = DescriptorBudget.countSegments(temporary.path)
        #expect(segmentCount == 3)
        let budget = DescriptorBudget(
            limit: 1000, partitionCount: 2, segmentCount: segmentCount, otherCount: 7, countOpen: { 10 }, now: { 0 })
        #expect(budget.connectionsMax(open: 0) == 1000 - 64 - 8 - 10 - 3 - 7)
    }

    @Test func descriptorsAreCountedAsTheyAre() {
        let before = DescriptorBudget.countOpenDescriptors()
        #expect(before >= 3, "the three standard ones")
    }
}

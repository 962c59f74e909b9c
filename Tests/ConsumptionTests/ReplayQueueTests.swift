import Consumption
import EventLog
import Synchronization
import TestSupport
import Testing

@Suite struct ReplayQueueTests {
    @Test func twoRunAndTheOthersWaitForTheirTurn() async throws {
        let harness = ReplayHarness()
        harness.fill(400)
        let queue = harness.queue()
        for number in 0..<4 {
            try await queue.submit(try await harness.plan(id: "r\(number)", eventsPerSecond: number < 2 ? 1 : nil))
        }
        try await harness.running(queue) {
            for id in ["r0", "r1"] { try await harness.wait(queue, id) { $0.state == .running && $0.writtenCount > 0 } }
            #expect(["r2", "r3"].map { queue.replay($0)?.progress.state } == [.queued, .queued])
            // One that waits can be ended, and one that runs makes room.
            #expect(try await queue.cancel("r3")?.progress.state == .cancelled)
            let ended = try await queue.cancel("r0")
            #expect(ended?.progress.state == .cancelled && ended?.progress.endedAt == 7)
            try await harness.wait(queue, "r2") { $0.state == .done }
            #expect(try await queue.cancel("r2")?.progress.state == .done)
            #expect(try await queue.cancel("none") == nil)
            let written = queue.replay("r0")!.progress.writtenCount
            #expect(written < 400)
        }
        // What was under way at the end is to be gone on with.
        let kept = try await harness.store.load()
        #expect(kept.first { $0.plan.id == "r1" }?.progress.state == .running)
    }

    @Test func aRateIsKept() async throws {
        let harness = ReplayHarness()
        harness.fill(60)
        let started = ContinuousClock.now
        _ = try await harness.run(try await harness.plan(eventsPerSecond: 200))
        // Of 60, the last ten are written when the others' time is over.
        #expect(ContinuousClock.now - started > .milliseconds(190))
    }

    @Test func tooManyAreRefusedAndOldOnesForgotten() async throws {
        let harness = ReplayHarness()
        harness.fill(10)
        let queue = harness.queue()
        for number in 0..<ReplayQueue.waitingMax { try await queue.submit(try await harness.plan(id: "r\(number)", isDry: true)) }
        let plan = try await harness.plan(id: "more", isDry: true)
        await #expect(throws: ReplayQueue.Refusal.self) { try await queue.submit(plan) }
        #expect(queue.replay("more") == nil)
        try await harness.running(queue) {
            for number in 0..<ReplayQueue.waitingMax { try await harness.wait(queue, "r\(number)") { $0.state == .done } }
            for number in 0..<5 {
                try await queue.submit(try await harness.plan(id: "late\(number)", createdAt: 2, isDry: true))
                try await harness.wait(queue, "late\(number)") { $0.state == .done }
            }
        }
        #expect(queue.all.count == ReplayQueue.endedMax)
        #expect(try await harness.store.load().count == ReplayQueue.endedMax)
    }

    @Test func oneThatCannotBeKeptIsNotTaken() async throws {
        let harness = ReplayHarness()
        let queue = harness.queue()
        harness.store.state.withLock { $0.failures = 1 }
        let plan = try await harness.plan()
        await #expect(throws: ReplayHarness.ReplayImpossibleToKeep.self) { try await queue.submit(plan) }
        #expect(queue.all.isEmpty)
    }

    @Test func noneBeginsBeforeItIsKept() async throws {
        let harness = ReplayHarness()
        harness.fill(50)
        let queue = harness.queue()
        try await harness.running(queue) {
            harness.store.state.withLock { $0.held = "r" }
            let plan = try await harness.plan()
            async let submitted: Void = queue.submit(plan)
            // Others come and go meanwhile, and each looks for who is next.
            for number in 0..<5 {
                try await queue.submit(try await harness.plan(id: "other\(number)", isDry: true))
                try await harness.wait(queue, "other\(number)") { $0.state == .done }
            }
            #expect(queue.replay("r") == nil && harness.copied.isEmpty)
            harness.store.released.raise()
            try await submitted
            try await harness.wait(queue, "r") { $0.state == .done }
        }
        #expect(harness.copied.count == 50)
    }

    @Test func whoeverEndsItIsToldTheSame() async throws {
        let harness = ReplayHarness()
        harness.fill(100)
        let queue = harness.queue()
        try await queue.submit(try await harness.plan(eventsPerSecond: 1))
        try await harness.running(queue) {
            try await harness.wait(queue, "r") { $0.writtenCount > 0 }
            let ended = try await withThrowingTaskGroup(of: Replay?.self) { group in
                for _ in 0..<8 { group.addTask { try await queue.cancel("r") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(ended.count == 8 && ended.allSatisfy { $0?.progress.state == .cancelled && $0 == ended[0] })
        }
    }

    @Test func oneOfAnotherTopicIsNotGoneOnWith() async throws {
        let harness = ReplayHarness()
        harness.fill(10)
        let other = ReplayHarness(partitionCount: 2)
        try await other.store.save(Replay(plan: try await harness.plan(), progress: ReplayProgress(try await harness.plan())))
        let queue = other.queue()
        try await other.running(queue) { try await other.wait(queue, "r") { $0.state == .failed } }
        #expect(queue.replay("r")?.progress.problem?.contains("3 partitions") == true)
    }

    @Test func itGoesOnWhenWhatFailedWorksAgain() async throws {
        let harness = ReplayHarness()
        harness.fill(1000)
        harness.source.fail(LogError(.io, "a disk's error"))
        // Kept when it has ended and not before, however busy the machine is.
        let queue = harness.queue(keepInterval: .seconds(3600))
        try await queue.submit(try await harness.plan())
        try await harness.running(queue) {
            try await harness.wait(queue, "r") { $0.problem?.contains("a disk's error") == true }
            harness.store.state.withLock { $0.failures = 3 }
            harness.source.fail(nil)
            try await harness.wait(queue, "r") { $0.state == .done }
        }
        #expect(queue.replay("r")?.progress.problem == nil)
        #expect(Set(harness.copied).count == 1000 && harness.copied.count == 1000)
        #expect(
            harness.problems.withLock { $0.count } == 2, "what keeps it is told once, and again when it has got on in between")
    }

    @Test func oneThatDoesNotGetOnCanBeEnded() async throws {
        let harness = ReplayHarness()
        harness.fill(10)
        harness.source.fail(LogError(.io, "a disk's error"))
        let queue = harness.queue()
        try await queue.submit(try await harness.plan())
        try await harness.running(queue) {
            try await harness.wait(queue, "r") { $0.problem != nil }
            #expect(try await queue.cancel("r")?.progress.state == .cancelled)
        }
    }

    /// Crashes at random moments, appends that fail and perhaps are there all the same: each record once, and counts to match.
    @Test(arguments: UInt64(1)...12)
    func whateverHappensEachRecordIsThereOnce(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let harness = ReplayHarness(partitionCount: 4, copyPartitionCount: Int.random(in: 1...5, using: &random))
        harness.fill(6000, events: ["a", "b", "c"])
        let keepInterval = Duration.milliseconds(Int.random(in: 0...20, using: &random))
        var queue = harness.queue(keepInterval: keepInterval)
        try await queue.submit(
            try await harness.plan(events: ["a", "c"], eventsPerSecond: Bool.random(using: &random) ? 20_000 : nil))
        var crashes = 0
        while true {
            harness.copy.failAppends(
                storing: (0..<Int.random(in: 0...4, using: &random)).map { _ in Bool.random(using: &random) })
            let isLast = crashes == 8
            let pause = Duration.milliseconds(Int.random(in: 0...40, using: &random))
            let goesOn = Duration.milliseconds(Int.random(in: 0...10, using: &random))
            try await harness.running(queue) {
                if isLast { return try await harness.wait(queue, "r") { $0.state.hasEnded } }
                try await Task.sleep(for: pause)
                // Nothing that is kept from here on will be there.
                harness.store.state.withLock { $0.isFrozen = true }
                try await Task.sleep(for: goesOn)
            }
            if isLast { break }
            crashes += 1
            harness.store.state.withLock { $0.isFrozen = false }
            queue = harness.queue(keepInterval: keepInterval)
        }
        let progress = try #require(queue.replay("r")).progress
        #expect(progress.state == .done)
        #expect(harness.copied.count == 4000 && Set(harness.copied).count == 4000)
        #expect(progress.readCount == 6000 && progress.matchedCount == 4000 && progress.writtenCount == 4000)
    }
}

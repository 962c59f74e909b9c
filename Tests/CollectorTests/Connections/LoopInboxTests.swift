import Collector
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@Suite struct LoopInboxTests {
    /// What was done, in order.
    final class Journal: Sendable {
        let entries = Mutex<[Int]>([])
        func add(_ entry: Int) { entries.withLock { $0.append(entry) } }
        var all: [Int] { entries.withLock { $0 } }
    }

    @Test func workIsDoneInItsOrderAndOneTaskOfTheLoopDoesAllThatWaits() {
        let loop = EmbeddedEventLoop()
        let inbox = LoopInbox(eventLoop: loop)
        let journal = Journal()
        inbox.execute { journal.add(1) }
        // A task of the loop's own, behind the one that is to do all of the inbox's.
        loop.execute { journal.add(100) }
        for number in 2...5 { inbox.execute { journal.add(number) } }
        #expect(journal.all == [])
        loop.run()
        #expect(journal.all == [1, 2, 3, 4, 5, 100])
    }

    @Test func workThatComesWhileOtherIsDoneHasItsTurnBehindIt() {
        let loop = EmbeddedEventLoop()
        let inbox = LoopInbox(eventLoop: loop)
        let journal = Journal()
        inbox.execute {
            inbox.execute { journal.add(3) }
            journal.add(1)
        }
        inbox.execute { journal.add(2) }
        loop.run()
        #expect(journal.all == [1, 2, 3])
    }

    @Test func workComesFromManyThreads() async {
        let loop = NIOAsyncTestingEventLoop()
        let inbox = LoopInbox(eventLoop: loop)
        let journal = Journal()
        await withTaskGroup(of: Void.self) { tasks in
            for thread in 0..<8 {
                tasks.addTask { for number in 0..<500 { inbox.execute { journal.add(thread * 1000 + number) } } }
            }
        }
        await loop.run()
        for thread in 0..<8 {
            #expect(journal.all.filter { $0 / 1000 == thread } == (0..<500).map { thread * 1000 + $0 })
        }
        await loop.shutdownGracefully()
    }
}

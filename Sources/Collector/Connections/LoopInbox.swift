internal import Ingestion
package import NIOCore
internal import Synchronization

/// What is to be done on an event loop soon. All that comes before the loop's next turn is one task of it: to hand over each piece of
/// work alone costs as much as to do it.
package final class LoopInbox: RequestExecutor {
    private let eventLoop: any EventLoop
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    package init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Runs `work` behind what else waits here. The loop is to end with the process: what it does not run any more is kept.
    package func execute(_ work: @escaping @Sendable () -> Void) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(work)
            return waiting.count == 1
        }
        if isFirst { eventLoop.execute { self.run() } }
    }

    private func run() {
        let works = waiting.withLock { waiting in
            var works: [@Sendable () -> Void] = []
            works.reserveCapacity(waiting.count)
            swap(&works, &waiting)
            return works
        }
        for work in works { work() }
    }
}

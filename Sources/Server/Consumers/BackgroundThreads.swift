internal import Foundation

/// Threads for what reads the log: they yield the processors to those who take events, and may block.
///
/// Where there is less processor time than both could use, events are acknowledged as fast as without consumers, and these are behind until
/// there is time again. The threads end with the process.
final class BackgroundThreads: TaskExecutor, @unchecked Sendable {
    // Sendable: the queue is touched with the condition locked.

    /// One for each consumer, and some more: so that the system shares the processors out between them by what each takes, and a consumer
    /// that has much to do with an event does not hold up one that has little.
    static let countMin = 8
    /// As `nice` has it: one of these threads gets a thirtieth of what one at 0 gets, where both want all of it.
    private static let niceness: Int32 = 15

    /// Jobs that were taken, above which their room is given back.
    private static let takenMax = 1024

    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    /// The first of `jobs` that is left.
    private var next = 0

    init(count: Int) {
        for _ in 0..<count { Thread.detachNewThread { self.work() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    private func work() {
        // Of this thread alone, on Linux. Where it is refused, they do not yield.
        _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, Self.niceness)
        while true { take().runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func take() -> UnownedJob {
        condition.withLock {
            while next == jobs.count { condition.wait() }
            defer {
                next += 1
                if next == jobs.count {
                    jobs.removeAll(keepingCapacity: jobs.count < Self.takenMax)
                    next = 0
                } else if next >= Self.takenMax, next * 2 > jobs.count {
                    jobs.removeFirst(next)
                    next = 0
                }
            }
            return jobs[next]
        }
    }
}

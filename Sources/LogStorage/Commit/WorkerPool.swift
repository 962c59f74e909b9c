/// A fixed number of threads for calls that block: syncs, reads, recovery.
final class WorkerPool: Sendable {
    private struct Queue {
        var jobs: [@Sendable () -> Void] = []
        var next = 0
        var isClosed = false

        mutating func take() -> (@Sendable () -> Void)? {
            guard next < jobs.count else { return nil }
            defer {
                next += 1
                if next == jobs.count {
                    jobs.removeAll(keepingCapacity: true)
                    next = 0
                }
            }
            return jobs[next]
        }
    }

    private let queue = Monitor(Queue())
    private let threads: [OSThread]

    init(threadCount: Int) {
        let queue = queue
        threads = (0..<threadCount).map { _ in
            OSThread {
                while let job = queue.wait(until: { queue -> Optional<Optional<@Sendable () -> Void>> in
                    if let job = queue.take() { return .some(job) }
                    return queue.isClosed ? .some(nil) : nil
                }) ?? nil {
                    job()
                }
            }
        }
    }

    /// Queues a job; false where the pool has ended.
    func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        queue.withLock(wake: .one) { queue in
            if queue.isClosed { return false }
            queue.jobs.append(job)
            return true
        }
    }

    /// Runs `job` for each number below `count`, the last on the calling thread, and returns when all are done.
    func concurrently(_ count: Int, _ job: @escaping @Sendable (Int) -> Void) {
        guard count > 0 else { return }
        let left = Monitor(count - 1)
        for number in 0..<count - 1 {
            let isTaken = submit {
                job(number)
                left.withLock(wake: .all) { $0 -= 1 }
            }
            precondition(isTaken, "the pool has ended")
        }
        job(count - 1)
        _ = left.wait { $0 == 0 ? true : nil }
    }

    /// Runs `job` on a worker and gives its result back to the task that waits; nil where the pool has ended.
    func run<Success: Sendable, Failure: Error>(
        _ job: @escaping @Sendable () -> Result<Success, Failure>
    ) async -> Result<Success, Failure>? {
        await withCheckedContinuation { continuation in
            if !submit({ continuation.resume(returning: job()) }) { continuation.resume(returning: nil) }
        }
    }

    /// Ends the threads once the queue is empty.
    func close() {
        queue.withLock(wake: .all) { $0.isClosed = true }
        for thread in threads { thread.join() }
    }
}

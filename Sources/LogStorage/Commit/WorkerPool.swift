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

    func submit(_ job: @escaping @Sendable () -> Void) {
        queue.withLock(wake: .one) { $0.jobs.append(job) }
    }

    /// Runs `job` for each number below `count`, the last on the calling thread, and returns when all are done.
    func concurrently(_ count: Int, _ job: @escaping @Sendable (Int) -> Void) {
        guard count > 0 else { return }
        let left = Monitor(count - 1)
        for number in 0..<count - 1 {
            submit {
                job(number)
                left.withLock(wake: .all) { $0 -= 1 }
            }
        }
        job(count - 1)
        _ = left.wait { $0 == 0 ? true : nil }
    }

    /// Runs `job` on a worker and gives its result back to the task that waits.
    func run<Success: Sendable>(
        _ job: @escaping @Sendable () -> Result<Success, some Error>
    ) async -> Result<Success, any Error> {
        await withCheckedContinuation { continuation in
            submit { continuation.resume(returning: job().mapError { $0 as any Error }) }
        }
    }

    /// Ends the threads once the queue is empty.
    func close() {
        queue.withLock(wake: .all) { $0.isClosed = true }
        for thread in threads { thread.join() }
    }
}

internal import EventLog
internal import Telemetry

/// An append that waits for its commit.
struct PendingAppend: Sendable {
    let append: PreparedAppend
    /// Called on the commit thread, which waits for it.
    let onReceipt: @Sendable (CommitReceipt) -> Void
}

/// The thread that commits. Appends that arrive while a sync runs wait in the queue and share the next one.
final class CommitLoop: Sendable {
    private struct Queue {
        var appends: [PendingAppend] = []
        var bytes = 0
        var isClosed = false
        var tasks: [@Sendable () -> Void] = []
    }

    private enum Work {
        case appends([PendingAppend], byteCount: Int)
        case task(@Sendable () -> Void)
        case close
    }

    private let queue = Monitor(Queue())
    private let bytesMax: Int
    let meters = CommitMeters()

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// What waits for a commit, or for the end of the one that is running.
    var depth: (appends: Int, bytes: Int) { queue.withLock { ($0.appends.count, $0.bytes) } }

    /// Queues an append; nil where it was taken, otherwise why not.
    func submit(_ append: PendingAppend) -> LogError? {
        let byteCount = append.append.byteCount
        let bytesMax = bytesMax
        return queue.withLock(wake: .one) { queue -> LogError? in
            if queue.isClosed { return LogError(.closing, "the log is closing") }
            // A single group may be larger than the bound; it is taken when it would be alone.
            guard queue.bytes == 0 || queue.bytes + byteCount <= bytesMax else {
                return LogError(.overloaded, "\(queue.bytes) bytes wait to be written, the most is \(bytesMax)")
            }
            queue.appends.append(append)
            queue.bytes += byteCount
            return nil
        }
    }

    /// Runs `task` on the commit thread between two commits; false where the loop has ended.
    func runBetweenCommits(_ task: @escaping @Sendable () -> Void) -> Bool {
        queue.withLock(wake: .one) { queue in
            if queue.isClosed { return false }
            queue.tasks.append(task)
            return true
        }
    }

    /// The same, and waits for the result; nil where the loop has ended.
    @discardableResult
    func waitBetweenCommits<Result: Sendable>(_ task: @escaping @Sendable () -> Result) -> Result? {
        let done = Monitor<Result?>(nil)
        guard
            runBetweenCommits({
                let result = task()
                done.withLock(wake: .all) { $0 = result }
            })
        else { return nil }
        return done.wait { $0 }
    }

    /// Serves the queue until it is closed and empty. To be run on a thread of its own.
    ///
    /// - Parameter afterwards: called when the receipts are given out; returns in how many milliseconds it wants to be called again,
    ///   whatever happens; nil: after the next commit.
    func run(_ commit: ([PreparedAppend]) -> [CommitReceipt], afterwards: () -> Int64?) {
        var pause: Int64?
        while true {
            let work = queue.wait(timeoutMilliseconds: pause) { queue -> Work? in
                if !queue.tasks.isEmpty { return .task(queue.tasks.removeFirst()) }
                if !queue.appends.isEmpty {
                    defer { queue.appends = [] }
                    return .appends(queue.appends, byteCount: queue.bytes)
                }
                return queue.isClosed ? .close : nil
            }
            switch work {
            case .task(let task): task()
            case .appends(let appends, let byteCount):
                let begun = ContinuousClock.now
                let receipts = commit(appends.map(\.append))
                meters.time.record((ContinuousClock.now - begun).wholeMicroseconds)
                meters.appends.record(appends.count)
                meters.records.record(appends.reduce(0) { $0 + $1.append.recordCount })
                queue.withLock { $0.bytes -= byteCount }
                for (append, receipt) in zip(appends, receipts) { append.onReceipt(receipt) }
            case .close: return
            case nil: break
            }
            pause = afterwards()
        }
    }

    /// Takes no more appends; what is queued is still committed.
    func close() { queue.withLock(wake: .all) { $0.isClosed = true } }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int {
        Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000)
    }
}

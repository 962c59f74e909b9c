internal import EventLog

/// An append that waits for its commit.
final class PendingAppend: @unchecked Sendable {
    // Sendable: after it was queued, the commit loop alone touches it until it resumes the waiting task.

    let group: RecordGroup
    fileprivate(set) var receipt: AppendReceipt
    private let onDone: (AppendReceipt) -> Void

    init(_ group: RecordGroup, onDone: @escaping (AppendReceipt) -> Void) {
        self.group = group
        self.receipt = AppendReceipt(
            offsets: Array(repeating: AppendReceipt.unassigned, count: group.entries.count))
        self.onDone = onDone
    }

    func finish() { onDone(receipt) }
}

/// One group commit: everything queued, staged by partition, written, synced together, published. No queue and no thread
/// in here, so a test can drive it step by step.
struct CommitGroup {
    /// The partitions of topic t start at `firstPartition[t]` of `partitions`.
    let partitions: [PartitionLog]
    let firstPartition: [Int]
    let durability: LogOptions.Durability

    /// Commits `appends`. `syncAll` runs its closure for every number below the count, in parallel where it can.
    func commit(
        _ appends: [PendingAppend], now: Int64, syncAll: (Int, @escaping @Sendable (Int) -> Void) -> Void
    ) -> CommitOutcome {
        var dirty: [Int] = []
        stage(appends, dirty: &dirty)
        let failures = Monitor<[Int: FileError]>([:])
        let unsynced = dirty.filter { number in
            do throws(FileError) {
                try partitions[number].write(now: now)
                return true
            } catch {
                failures.withLock { $0[number] = error }
                return false
            }
        }
        if durability == .fsync {
            syncAll(unsynced.count) { [partitions] place in
                let number = unsynced[place]
                do throws(FileError) {
                    try partitions[number].sync()
                } catch {
                    failures.withLock { $0[number] = error }
                }
            }
        }
        let failed = failures.withLock { $0 }
        for number in dirty where failed[number] == nil { partitions[number].publish() }
        if !failed.isEmpty { fail(failed, in: appends) }
        return CommitOutcome(partitions: dirty.count, failed: failed.count)
    }

    private func stage(_ appends: [PendingAppend], dirty: inout [Int]) {
        for append in appends {
            let group = append.group
            for (place, entry) in group.entries.enumerated() {
                let number = firstPartition[Int(entry.topic.index)] + Int(entry.partition)
                let partition = partitions[number]
                if !partition.isDirty {
                    let state = partition.state
                    guard state.isWritable else {
                        append.note(.notWritable, state.reason ?? "", partition)
                        continue
                    }
                    dirty.append(number)
                }
                append.receipt.offsets[place] = partition.stage(
                    body: group.body(of: entry), timestamp: group.timestamp, identity: entry.identity)
            }
        }
    }

    /// Poisons what failed and takes the offsets back from the records concerned.
    private func fail(_ failed: [Int: FileError], in appends: [PendingAppend]) {
        for (number, error) in failed { partitions[number].poison(error) }
        for append in appends {
            for (place, entry) in append.group.entries.enumerated() {
                let number = firstPartition[Int(entry.topic.index)] + Int(entry.partition)
                guard let error = failed[number], append.receipt.offsets[place] >= 0 else { continue }
                append.receipt.offsets[place] = AppendReceipt.unassigned
                append.note(.outcomeUnknown, error.description, partitions[number])
            }
        }
    }
}

struct CommitOutcome {
    let partitions: Int
    let failed: Int
}

extension PendingAppend {
    /// Adds a failure, once for each partition.
    fileprivate func note(_ code: LogError.Code, _ reason: String, _ partition: PartitionLog) {
        guard !receipt.failures.contains(where: { $0.partition == partition.topicPartition }) else { return }
        receipt.failures.append(
            LogError(code, "\(partition.topicPartition): \(reason)", partition: partition.topicPartition))
    }
}

internal import EventLog

/// One group commit: everything queued, staged by partition, written, synced together, published. No queue and no thread
/// in here, so a test can drive it step by step.
struct CommitGroup {
    /// The partitions of topic t start at `firstPartition[t]` of `partitions`.
    let partitions: [PartitionLog]
    let firstPartition: [Int]
    let durability: LogOptions.Durability

    /// Commits `groups`; says what became of each, and which partitions failed.
    func commit(
        _ groups: [RecordGroup], now: Int64, syncAll: LogCore.Concurrently
    ) -> (receipts: [AppendReceipt], failed: [(partition: TopicPartition, error: FileError)]) {
        var receipts = groups.map {
            AppendReceipt(offsets: Array(repeating: AppendReceipt.unassigned, count: $0.entries.count))
        }
        var dirty: [Int] = []
        stage(groups, &receipts, dirty: &dirty)
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
        if !failed.isEmpty { fail(failed, groups, &receipts) }
        return (receipts, failed.sorted { $0.key < $1.key }.map { (partitions[$0.key].topicPartition, $0.value) })
    }

    private func stage(_ groups: [RecordGroup], _ receipts: inout [AppendReceipt], dirty: inout [Int]) {
        for (index, group) in groups.enumerated() {
            for (place, entry) in group.entries.enumerated() {
                let number = firstPartition[Int(entry.topic.index)] + Int(entry.partition)
                let partition = partitions[number]
                if !partition.isDirty {
                    let state = partition.state
                    guard state.isWritable else {
                        receipts[index].note(.notWritable, state.reason ?? "", partition)
                        continue
                    }
                    dirty.append(number)
                }
                receipts[index].offsets[place] = partition.stage(
                    body: group.body(of: entry), timestamp: group.timestamp, identity: entry.identity)
            }
        }
    }

    /// Poisons what failed and takes the offsets back from the records concerned.
    private func fail(_ failed: [Int: FileError], _ groups: [RecordGroup], _ receipts: inout [AppendReceipt]) {
        for (number, error) in failed.sorted(by: { $0.key < $1.key }) { partitions[number].poison(error) }
        for (index, group) in groups.enumerated() {
            for (place, entry) in group.entries.enumerated() {
                let number = firstPartition[Int(entry.topic.index)] + Int(entry.partition)
                guard let error = failed[number], receipts[index].offsets[place] >= 0 else { continue }
                receipts[index].offsets[place] = AppendReceipt.unassigned
                receipts[index].note(.outcomeUnknown, error.description, partitions[number])
            }
        }
    }
}

extension AppendReceipt {
    /// Adds a failure, once for each partition.
    fileprivate mutating func note(_ code: LogError.Code, _ reason: String, _ partition: PartitionLog) {
        guard !failures.contains(where: { $0.partition == partition.topicPartition }) else { return }
        failures.append(LogError(code, "\(partition.topicPartition): \(reason)", partition: partition.topicPartition))
    }
}

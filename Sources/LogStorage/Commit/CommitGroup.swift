internal import EventLog

/// One group commit: everything queued, staged by partition, written to the journal, made durable by its one sync, published. The
/// segments get the records later (`LogCore.flush`); without a journal at once. No queue and no thread in here, so a test can drive it
/// step by step.
struct CommitGroup {
    let table: PartitionTable
    /// nil: nothing is synced (`Durability.os`).
    let journal: Journal?

    private var partitions: [PartitionLog] { table.partitions }

    struct Outcome {
        var receipts: [AppendReceipt]
        /// Partitions that take no records from now on.
        var failed: [(partition: TopicPartition, error: FileError)] = []
        /// Why nothing was written, where the disk is full.
        var noRoom: FileError?
    }

    /// Commits `groups`; says what became of each, and which partitions failed.
    func commit(_ groups: [JournaledGroup], now: Int64) -> Outcome {
        var outcome = Outcome(
            receipts: groups.map {
                AppendReceipt(offsets: Array(repeating: AppendReceipt.unassigned, count: $0.group.entries.count))
            })
        journal?.begin()
        let dirty = stage(groups, &outcome.receipts)
        if dirty.isEmpty { return outcome }
        if let journal {
            do throws(Journal.Failure) {
                try journal.write()
            } catch {
                switch error {
                case .refused(let error):
                    if error.isNoRoom { outcome.noRoom = error }
                    for number in dirty { partitions[number].discardStaged() }
                    takeBack(dirty, error.isNoRoom ? .lowSpace : .overloaded, error, groups, &outcome.receipts)
                case .failed(let error):
                    failAll(error, dirty, groups, &outcome)
                }
                return outcome
            }
        }
        do throws(FileError) {
            try journal?.sync()
        } catch {
            failAll(error, dirty, groups, &outcome)
            return outcome
        }
        for number in dirty {
            do throws(FileError) {
                if journal == nil { try partitions[number].write() }
                partitions[number].publish(now: now)
            } catch {
                fail([number], error, &outcome)
                takeBack([number], .outcomeUnknown, error, groups, &outcome.receipts)
            }
        }
        return outcome
    }

    /// Stages every record whose partition takes it; returns the numbers of the partitions that took some.
    private func stage(_ groups: [JournaledGroup], _ receipts: inout [AppendReceipt]) -> [Int] {
        var dirty: [Int] = []
        for (index, journaled) in groups.enumerated() {
            let group = journaled.group
            for (place, entry) in group.entries.enumerated() {
                let number = table.firstPartition[Int(entry.topic.index)] + Int(entry.partition)
                let staged = table.unretained[number]._withUnsafeGuaranteedRef {
                    partition -> (offset: Int64, timestamp: Int64)? in
                    if !partition.isStaging {
                        let state = partition.state
                        guard state.isWritable else {
                            receipts[index].note(.notWritable, state.reason ?? "", partition)
                            return nil
                        }
                        dirty.append(number)
                    }
                    return partition.stage(
                        body: group.body(of: entry), timestamp: group.timestamp, identity: entry.identity)
                }
                journal?.add(
                    partition: staged.map { _ in number }, offset: staged?.offset ?? 0, timestamp: staged?.timestamp ?? 0,
                    bodyBytes: entry.byteCount)
                if let staged { receipts[index].offsets[place] = staged.offset }
            }
            journal?.addBodies(journaled)
        }
        return dirty
    }

    // MARK: Failures

    /// The journal has failed, and with it everything that would be written after. What was acknowledged before goes to the segments
    /// if it can, where readers find it: it is durable in the journal, so nothing depends on that.
    private func failAll(_ error: FileError, _ dirty: [Int], _ groups: [JournaledGroup], _ outcome: inout Outcome) {
        for partition in partitions where partition.state.isWritable {
            partition.discardStaged()
            try? partition.write()
            partition.publish(now: 0)
        }
        fail(partitions.indices.filter { partitions[$0].state.isWritable }, error, &outcome)
        takeBack(dirty, .outcomeUnknown, error, groups, &outcome.receipts)
    }

    private func fail(_ numbers: [Int], _ error: FileError, _ outcome: inout Outcome) {
        for number in numbers {
            partitions[number].poison(error)
            outcome.failed.append((partitions[number].topicPartition, error))
        }
        // Records of theirs that were acknowledged are durable in the journal, and perhaps only there.
        journal?.pin()
    }

    /// Takes the offsets back from the records of these partitions.
    private func takeBack(
        _ numbers: [Int], _ code: LogError.Code, _ error: FileError, _ groups: [JournaledGroup], _ receipts: inout [AppendReceipt]
    ) {
        let concerned = Set(numbers)
        for (index, journaled) in groups.enumerated() {
            for (place, entry) in journaled.group.entries.enumerated() {
                let number = table.firstPartition[Int(entry.topic.index)] + Int(entry.partition)
                guard concerned.contains(number), receipts[index].offsets[place] >= 0 else { continue }
                receipts[index].offsets[place] = AppendReceipt.unassigned
                receipts[index].note(code, error.description, partitions[number])
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

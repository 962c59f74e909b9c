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
        var receipts: [CommitReceipt]
        /// Partitions that take no records from now on.
        var failed: [(partition: TopicPartition, error: FileError)] = []
        /// Why nothing was written, where the disk is full.
        var noRoom: FileError?
    }

    /// Commits `appends`; says what became of each, and which partitions failed.
    func commit(_ appends: [PreparedAppend], now: Int64) -> Outcome {
        var outcome = Outcome(receipts: [])
        outcome.receipts.reserveCapacity(appends.count)
        journal?.begin()
        let dirty = stage(appends, &outcome.receipts)
        if dirty.isEmpty { return outcome }
        if let journal {
            do throws(Journal.Failure) {
                try journal.write()
            } catch {
                switch error {
                case .refused(let error):
                    if error.isNoRoom { outcome.noRoom = error }
                    for number in dirty { partitions[number].discardStaged() }
                    takeBack(dirty, error.isNoRoom ? .lowSpace : .overloaded, error, appends, &outcome.receipts)
                case .failed(let error):
                    failAll(error, dirty, appends, &outcome)
                }
                return outcome
            }
        }
        do throws(FileError) {
            try journal?.sync()
        } catch {
            failAll(error, dirty, appends, &outcome)
            return outcome
        }
        for number in dirty {
            do throws(FileError) {
                if journal == nil { try partitions[number].write() }
                partitions[number].publish(now: now)
            } catch {
                fail([number], error, &outcome)
                takeBack([number], .outcomeUnknown, error, appends, &outcome.receipts)
            }
        }
        return outcome
    }

    /// Stages everything whose partition takes it, with a receipt for each append; returns the numbers of the partitions that took some.
    private func stage(_ appends: [PreparedAppend], _ receipts: inout [CommitReceipt]) -> [Int] {
        var dirty: [Int] = []
        for append in appends {
            switch append {
            case .records(let journaled): receipts.append(.records(stage(journaled, &dirty)))
            case .batches(let group): receipts.append(.batches(group.entries.map { stage($0, of: group, &dirty) }))
            }
        }
        return dirty
    }

    private func stage(_ journaled: JournaledGroup, _ dirty: inout [Int]) -> AppendReceipt {
        let group = journaled.group
        var receipt = AppendReceipt(offsets: Array(repeating: AppendReceipt.unassigned, count: group.entries.count))
        for (place, entry) in group.entries.enumerated() {
            let number = table.firstPartition[Int(entry.topic.index)] + Int(entry.partition)
            let staged = table.unretained[number]._withUnsafeGuaranteedRef { partition -> (offset: Int64, timestamp: Int64)? in
                if !partition.isStaging {
                    let state = partition.state
                    guard state.isWritable else {
                        receipt.note(state.refusal, state.reason ?? "", partition)
                        return nil
                    }
                    dirty.append(number)
                }
                return partition.stage(body: group.body(of: entry), timestamp: group.timestamp, identity: entry.identity)
            }
            journal?.add(
                partition: staged.map { _ in number }, offset: staged?.offset ?? 0, timestamp: staged?.timestamp ?? 0,
                bodyBytes: entry.byteCount)
            if let staged { receipt.offsets[place] = staged.offset }
        }
        journal?.addBodies(journaled)
        return receipt
    }

    private func stage(_ entry: BatchGroup.Entry, of group: BatchGroup, _ dirty: inout [Int]) -> BatchReceipt {
        let number = number(of: entry.topic, entry.partition)
        let partition = partitions[number]
        let state = partition.state
        guard state.isWritable else { return .failed(Self.error(state.refusal, state.reason ?? "", partition)) }
        let wasStaging = partition.isStaging
        switch partition.stage(entry, of: group) {
        case .taken(let baseOffset, let appendTime):
            if !wasStaging { dirty.append(number) }
            journal?.add(
                group.batch(of: entry), partition: number, offset: baseOffset, timestamp: appendTime ?? group.timestamp)
            return .stored(baseOffset: baseOffset, appendTime: appendTime, isRepeated: false)
        case .repeated(let baseOffset): return .stored(baseOffset: baseOffset, appendTime: nil, isRepeated: true)
        case .refused(let refusal): return .refused(refusal)
        }
    }

    private func number(of topic: TopicHandle, _ partition: Int32) -> Int {
        table.firstPartition[Int(topic.index)] + Int(partition)
    }

    // MARK: Failures

    /// The journal has failed, and with it everything that would be written after. What was acknowledged before goes to the segments
    /// if it can, where readers find it: it is durable in the journal, so nothing depends on that.
    private func failAll(_ error: FileError, _ dirty: [Int], _ appends: [PreparedAppend], _ outcome: inout Outcome) {
        for partition in partitions where partition.state.isWritable {
            partition.discardStaged()
            try? partition.write()
            partition.publish(now: 0)
        }
        fail(partitions.indices.filter { partitions[$0].state.isWritable }, error, &outcome)
        takeBack(dirty, .outcomeUnknown, error, appends, &outcome.receipts)
    }

    private func fail(_ numbers: [Int], _ error: FileError, _ outcome: inout Outcome) {
        for number in numbers {
            partitions[number].poison(error)
            outcome.failed.append((partitions[number].topicPartition, error))
        }
        // Records of theirs that were acknowledged are durable in the journal, and perhaps only there.
        journal?.pin()
    }

    /// Takes the offsets back from what these partitions have staged.
    private func takeBack(
        _ numbers: [Int], _ code: LogError.Code, _ error: FileError, _ appends: [PreparedAppend],
        _ receipts: inout [CommitReceipt]
    ) {
        let concerned = Set(numbers)
        for (index, append) in appends.enumerated() {
            switch (append, receipts[index]) {
            case (.records(let journaled), .records(var receipt)):
                for (place, entry) in journaled.group.entries.enumerated() {
                    let number = number(of: entry.topic, entry.partition)
                    guard concerned.contains(number), receipt.offsets[place] >= 0 else { continue }
                    receipt.offsets[place] = AppendReceipt.unassigned
                    receipt.note(code, error.description, partitions[number])
                }
                receipts[index] = .records(receipt)
            case (.batches(let group), .batches(var batches)):
                for (place, entry) in group.entries.enumerated() {
                    let number = number(of: entry.topic, entry.partition)
                    guard concerned.contains(number), case .stored(let baseOffset, _, _) = batches[place],
                        // One that was there before this commit is there still.
                        baseOffset >= partitions[number].bounds.highWatermark.value
                    else { continue }
                    batches[place] = .failed(Self.error(code, error.description, partitions[number]))
                }
                receipts[index] = .batches(batches)
            default: preconditionFailure("a receipt is of its append's kind")
            }
        }
    }

    fileprivate static func error(_ code: LogError.Code, _ reason: String, _ partition: PartitionLog) -> LogError {
        LogError(code, "\(partition.topicPartition): \(reason)", partition: partition.topicPartition)
    }
}

extension PartitionState {
    /// The code of the error for those who want to write where it takes nothing.
    fileprivate var refusal: LogError.Code { self == .gone ? .unknownTopic : .notWritable }
}

extension AppendReceipt {
    /// Adds a failure, once for each partition.
    fileprivate mutating func note(_ code: LogError.Code, _ reason: String, _ partition: PartitionLog) {
        guard !failures.contains(where: { $0.partition == partition.topicPartition }) else { return }
        failures.append(CommitGroup.error(code, reason, partition))
    }
}

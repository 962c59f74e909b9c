internal import EventLog
internal import LogStorage

extension LogSimulation {
    mutating func deleteRecords(_ core: LogCore) throws {
        let log = core.partitions[Int(random.next() % UInt64(core.partitions.count))]
        let number = number(of: log.topicPartition)
        let bounds = log.bounds
        let offset = bounds.start.value + Int64(random.next() % UInt64(bounds.highWatermark - bounds.start + 1))
        let perhaps = max(oracle.partitions[number].perhapsDeletedEnd, offset)
        oracle.partitions[number].perhapsDeletedEnd = perhaps
        do throws(LogError) {
            let start = try core.deleteRecords(of: log.topicPartition, before: offset)
            trace("delete records of \(log.topicPartition) before \(offset)" + (fileSystem.isDown ? " down" : ""))
            if fileSystem.isDown { return }
            guard start >= offset else { throw LogError(.damaged, "it begins at \(start)") }
            // Records that nobody will see again are nobody's business when the power fails.
            if options.durability == .fsync { oracle.partitions[number].deletedEnd = offset }
        } catch {
            trace("delete records of \(log.topicPartition) before \(offset): \(error)")
            guard fileSystem.isDown || hasFaults else { throw SimulationFailure("records are not deleted: \(error)") }
        }
    }

    mutating func deleteTopic(_ core: LogCore) throws {
        let name = Self.laterTopics[Int(random.next() % UInt64(Self.laterTopics.count))].name
        guard core.topic(named: name) != nil else { return }
        do throws(LogError) {
            try core.delete(name)
            trace("delete \(name)" + (fileSystem.isDown ? " down" : ""))
            if !fileSystem.isDown {
                made.remove(name)
                return forget(name)
            }
        } catch {
            trace("delete \(name): \(error)")
            guard fileSystem.isDown || hasFaults else { throw SimulationFailure("\(name) is not deleted: \(error)") }
            if !fileSystem.isDown && core.topic(named: name) != nil { return }
        }
        made.remove(name)
        perhapsDeleted.insert(name)
    }

    /// After a start it shows whether a topic was deleted.
    mutating func settleDeletions(_ core: LogCore) {
        for name in perhapsDeleted {
            let isThere = core.topic(named: name) != nil
            if isThere { made.insert(name) }
            // It may have been made anew, and nobody was told.
            let isEmpty = core.partitions.allSatisfy { $0.topicPartition.topic != name || $0.bounds.highWatermark == .zero }
            if !isThere || (isEmpty && perhapsRemade.contains(name)) { forget(name) }
        }
        perhapsDeleted = []
        perhapsRemade = []
    }

    /// Nothing of it may come back.
    mutating func forget(_ topic: TopicName) {
        for number in places.indices where places[number].topic == topic { oracle.partitions[number] = LogOracle.Partition() }
        for number in producers.producers.indices where places[producers.producers[number].place].topic == topic {
            producers.begin(number)
        }
    }
}

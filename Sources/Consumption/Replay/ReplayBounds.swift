package import EventLog

/// From where to where somebody wants a topic replayed.
package struct ReplayBounds: Sendable, Equatable {
    package enum Start: Sendable, Equatable {
        case earliest
        /// What was received at this time or later, in milliseconds since 1970.
        case time(Int64)
        /// The first offset by partition; the others are left out.
        case offsets([Int: Int64])
    }

    package enum End: Sendable, Equatable {
        /// Where the log ends when it is asked for.
        case latest
        /// What was received before this time.
        case time(Int64)
        /// The offset behind the last one by partition; the others go to their ends.
        case offsets([Int: Int64])
    }

    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    package var start: Start
    package var end: End

    package init(start: Start, end: End) {
        self.start = start
        self.end = end
    }

    /// The offsets of each partition. A start that retention has passed by stays, so that it can be told what is missing.
    ///
    /// - Throws: `Refusal` where they are none of this topic, `LogError` where the log cannot say.
    package func ranges(of topic: TopicDefinition, in log: any LogReader) async throws -> [Range<Int64>] {
        var named: [Int] = []
        if case .offsets(let offsets) = start { named += offsets.keys }
        if case .offsets(let offsets) = end { named += offsets.keys }
        if let number = named.first(where: { !(0..<topic.partitionCount).contains($0) }) {
            throw Refusal(description: "there is no partition \(number); \(topic.name) has 0 to \(topic.partitionCount - 1)")
        }
        var ranges: [Range<Int64>] = []
        for number in 0..<topic.partitionCount {
            let partition = TopicPartition(topic.name, PartitionID(number))
            let bounds = try log.bounds(of: partition)
            let last = bounds.highWatermark.value
            let from: Int64
            switch start {
            case .earliest: from = bounds.start.value
            // What has come since is behind the end.
            case .time(let time): from = min(last, try await log.offset(partition, atOrAfter: time)?.value ?? last)
            case .offsets(let offsets): from = offsets[number] ?? last
            }
            let to: Int64
            switch end {
            case .latest: to = last
            case .time(let time): to = min(last, try await log.offset(partition, atOrAfter: time)?.value ?? last)
            case .offsets(let offsets): to = offsets[number] ?? last
            }
            if from > last || to > last {
                throw Refusal(description: "partition \(number) ends at offset \(last), \(max(from, to)) is behind that")
            }
            if case .offsets(let offsets) = end, let end = offsets[number], from > end, named.filter({ $0 == number }).count == 2
            {
                throw Refusal(description: "of partition \(number), from is \(from) and to is \(end)")
            }
            ranges.append(from..<max(from, to))
        }
        return ranges
    }
}

internal import EventLog
internal import RecordFormat

extension PreparedRequest {
    /// The ids of what it writes, with the numbers of their events, and of their entries in the group.
    var written: [(event: Int, entry: Int, id: [UInt8])] {
        events.enumerated().compactMap { number, event in
            guard case .written(let entry) = event.fate else { return nil }
            return (number, entry, messageID(ofEntry: entry))
        }
    }

    private func messageID(ofEntry entry: Int) -> [UInt8] {
        let body = group.body(of: group.entries[entry])
        guard let id = RecordView(ofBody: body, offset: 0, timestamp: 0)?.header("messageId") else {
            preconditionFailure("a record has the header that it was written with")
        }
        return Array(id)
    }

    /// The same without the records that another collector has, or is writing.
    ///
    /// - Parameter claims: one for each of `written`.
    func claimed(_ claims: [SharedClaim]) -> PreparedRequest {
        if claims.allSatisfy({ $0 == .granted || $0 == .unknown }) { return self }
        var fates: [Int: Event] = [:]
        for ((number, _, id), claim) in zip(written, claims) {
            let fate: Event.Fate
            switch claim {
            case .granted, .unknown: continue
            case .stored: fate = .storedElsewhere
            case .pending: fate = .pendingElsewhere
            }
            fates[number] = Event(fate: fate, messageID: String(decoding: id, as: UTF8.self), type: events[number].type)
        }
        var builder = RecordGroupBuilder(timestamp: group.timestamp, bodyBytes: group.byteCount, recordCount: group.entries.count)
        var left: [Event] = []
        left.reserveCapacity(events.count)
        for (number, event) in events.enumerated() {
            if let fate = fates[number] {
                left.append(fate)
                continue
            }
            let fate: Event.Fate
            switch event.fate {
            case .written(let entry): fate = .written(entry: builder.add(group, entry))
            case .rejected(let violations, let entry): fate = .rejected(violations, entry: builder.add(group, entry))
            default: fate = event.fate
            }
            left.append(Event(fate: fate, messageID: event.messageID, type: event.type))
        }
        return PreparedRequest(
            group: RecordGroup(builder), reservations: reservations, events: left, wantsReceipts: wantsReceipts,
            keyNumber: keyNumber, isRetry: isRetry, begunAt: begunAt)
    }
}

extension RecordGroupBuilder {
    /// Adds a record of another group; returns its number here.
    fileprivate mutating func add(_ group: RecordGroup, _ entry: Int) -> Int {
        let entry = group.entries[entry]
        let start = bodies.count
        bodies.append(copying: group.body(of: entry))
        return close(from: start, topic: entry.topic, partition: Int(entry.partition), identity: entry.identity)
    }
}

package import EventLog
internal import RecordFormat

/// What a commit takes together.
package enum PreparedAppend: Sendable {
    case records(JournaledGroup)
    case batches(BatchGroup)

    var byteCount: Int {
        switch self {
        case .records(let journaled): journaled.group.byteCount
        case .batches(let group): group.byteCount
        }
    }

    var recordCount: Int {
        switch self {
        case .records(let journaled): journaled.group.entries.count
        case .batches(let group): group.entries.reduce(0) { $0 + Int($1.header.recordCount) }
        }
    }

    /// The receipt where nothing of it is taken.
    func refused(_ error: LogError) -> CommitReceipt {
        switch self {
        case .records(let journaled): .records(.refused(journaled.group, error))
        case .batches(let group): .batches(Array(repeating: .failed(error), count: group.entries.count))
        }
    }
}

/// What became of it.
package enum CommitReceipt: Sendable {
    case records(AppendReceipt)
    case batches([BatchReceipt])
}

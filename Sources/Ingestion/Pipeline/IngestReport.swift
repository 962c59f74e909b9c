package import EventModel
internal import RecordFormat

/// What became of a request's events.
package struct IngestReport: Sendable, Equatable {
    package enum Status: String, Sendable {
        case stored, duplicate, rejected
    }

    package struct Result: Sendable, Equatable {
        package let index: Int
        package let messageID: String?
        package let status: Status
        /// Where it is stored; of a duplicate, where the original is.
        package let place: Place?
        package let violations: [EventViolation]
    }

    package struct Place: Sendable, Equatable {
        package let partition: Int
        package let offset: Int64
    }

    package var accepted = 0
    package var duplicates = 0
    package var rejected = 0
    /// What was not stored, or everything where the client asked for receipts.
    package var results: [Result] = []

    package var isWhollyRejected: Bool { accepted == 0 && duplicates == 0 && rejected > 0 }

    /// The answer's body.
    package func json() -> [UInt8] {
        var target = GrowableBytes(capacity: 128 + results.count * 128)
        target.append("{\"accepted\":")
        target.append(decimal: accepted)
        target.append(",\"duplicates\":")
        target.append(decimal: duplicates)
        target.append(",\"rejected\":")
        target.append(decimal: rejected)
        target.append(",\"results\":[")
        for (number, result) in results.enumerated() {
            if number > 0 { target.append(",") }
            append(result, to: &target)
        }
        target.append("]}")
        return Array(copying: target)
    }

    private func append(_ result: Result, to target: inout GrowableBytes) {
        target.append("{\"index\":")
        target.append(decimal: result.index)
        target.append(",\"messageId\":")
        if let messageID = result.messageID {
            JSONWriter.append(string: messageID, to: &target)
        } else {
            target.append("null")
        }
        target.append(",\"status\":\"")
        target.append(utf8: result.status.rawValue)
        target.append("\"")
        if let place = result.place {
            target.append(",\"partition\":")
            target.append(decimal: place.partition)
            target.append(",\"offset\":")
            target.append(decimal: Int(place.offset))
        }
        if result.status == .rejected {
            target.append(",\"errors\":")
            JSONWriter.append(violations: result.violations, to: &target)
        }
        target.append("}")
    }
}

internal import EventModel
internal import Ingestion
internal import Projections
internal import RecordFormat

/// The answer of `GET /api/admin/events/stats`, as JSON.
struct StatisticsBody {
    let report: StatisticsReport
    let interval: StatisticsQuery.Interval
    let ledger: LedgerCounts
    /// Records that are not counted yet.
    let lag: Int64

    var json: [UInt8] {
        var text = GrowableBytes(capacity: 4096 + 64 * report.series.count)
        text.append("{\"from\":")
        JSONWriter.append(string: Timestamp.text(report.times.lowerBound), to: &text)
        text.append(",\"to\":")
        JSONWriter.append(string: Timestamp.text(report.times.upperBound), to: &text)
        text.append(",\"interval\":")
        JSONWriter.append(string: interval.rawValue, to: &text)
        text.append(",\"timeZone\":")
        JSONWriter.append(string: report.timeZone, to: &text)
        text.append(",")
        Self.append(report.events, to: &text)
        text.append(",\"series\":")
        Self.append(report.series, to: &text) { bucket, text in
            text.append("{\"start\":")
            JSONWriter.append(string: Timestamp.text(bucket.start), to: &text)
            text.append(",")
            Self.append(bucket.events, to: &text)
            text.append("}")
        }
        text.append(",\"activeUsers\":")
        Self.append(report.activeUsers, to: &text)
        text.append(",\"day\":")
        Self.append(report.day, to: &text)
        text.append(",\"ledger\":")
        append(ledger: &text)
        text.append(",\"lag\":")
        text.append(decimal: Int(lag))
        text.append("}")
        return Array(copying: text)
    }

    // MARK: Parts

    private static func append(_ events: StatisticsReport.Events, to text: inout GrowableBytes) {
        text.append("\"total\":")
        text.append(decimal: Int(events.total))
        text.append(",\"events\":")
        append(events.names, to: &text)
    }

    private static func append(_ uniques: StatisticsReport.Uniques, to text: inout GrowableBytes) {
        text.append("{\"count\":")
        text.append(decimal: uniques.count)
        text.append(utf8: ",\"standardError\":\(uniques.standardError)}")
    }

    private static func append(_ day: StatisticsReport.Day, to text: inout GrowableBytes) {
        let digits = "\(day.day)"
        text.append("{\"day\":")
        JSONWriter.append(string: "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.suffix(2))", to: &text)
        text.append(",\"views\":")
        text.append(decimal: Int(day.views))
        text.append(",\"topVehicles\":")
        append(day.topVehicles, to: &text, each: append)
        if let vehicle = day.vehicle {
            text.append(",\"vehicle\":")
            append(vehicle, to: &text)
        }
        text.append(",\"searches\":")
        text.append(decimal: Int(day.searches))
        text.append(",\"filters\":")
        append(day.filters, to: &text)
        text.append(",\"leads\":{\"total\":")
        text.append(decimal: Int(day.leads))
        text.append(",\"vehicles\":")
        append(day.leadsByVehicle, to: &text)
        text.append(",\"dealers\":")
        append(day.leadsByDealer, to: &text)
        text.append("}}")
    }

    private static func append(_ vehicle: StatisticsReport.Vehicle, to text: inout GrowableBytes) {
        text.append("{\"vehicleId\":")
        JSONWriter.append(string: vehicle.id, to: &text)
        text.append(",\"views\":")
        text.append(decimal: Int(vehicle.views))
        text.append(",\"users\":")
        append(vehicle.users, to: &text)
        text.append(",\"leads\":")
        text.append(decimal: Int(vehicle.leads))
        text.append("}")
    }

    private func append(ledger text: inout GrowableBytes) {
        text.append("{")
        Self.append(ledger.total, to: &text)
        text.append(",\"writeKeys\":{")
        Self.append(separated: zip(ledger.keyNames, ledger.keys), to: &text) { key, text in
            JSONWriter.append(string: key.0, to: &text)
            text.append(":{")
            Self.append(key.1, to: &text)
            text.append("}")
        }
        text.append("},\"events\":{")
        let types = zip(ledger.typeNames, ledger.types).filter { $0.1[.stored] + $0.1[.rejected] > 0 }
        Self.append(separated: types, to: &text) { type, text in
            JSONWriter.append(string: type.0, to: &text)
            text.append(":{\"stored\":")
            text.append(decimal: Int(type.1[.stored]))
            text.append(",\"rejected\":")
            text.append(decimal: Int(type.1[.rejected]))
            text.append("}")
        }
        text.append("}}")
    }

    private static func append(_ tally: LedgerTally, to text: inout GrowableBytes) {
        text.append("\"received\":")
        text.append(decimal: Int(tally.received))
        for outcome in LedgerTally.Outcome.allCases {
            text.append(utf8: ",\"\(outcome)\":")
            text.append(decimal: Int(tally[outcome]))
        }
    }

    private static func append(_ named: [StatisticsReport.Named], to text: inout GrowableBytes) {
        text.append("{")
        append(separated: named, to: &text) { named, text in
            JSONWriter.append(string: named.name, to: &text)
            text.append(":")
            text.append(decimal: Int(named.count))
        }
        text.append("}")
    }

    private static func append<Items: Sequence>(
        _ items: Items, to text: inout GrowableBytes, each: (Items.Element, inout GrowableBytes) -> Void
    ) {
        text.append("[")
        append(separated: items, to: &text, each: each)
        text.append("]")
    }

    private static func append<Items: Sequence>(
        separated items: Items, to text: inout GrowableBytes, each: (Items.Element, inout GrowableBytes) -> Void
    ) {
        var isFirst = true
        for item in items {
            if !isFirst { text.append(",") }
            isFirst = false
            each(item, &text)
        }
    }
}

internal import EventModel
internal import Foundation
internal import GRDB
internal import RecordFormat
internal import EventLog

/// What some records add to the statistics, together: so a table's row is written once for all of them.
struct StatisticsDelta {
    /// What is counted by day.
    enum Figure: Int64, Sendable {
        case views = 0
        case searches = 1
        case filters = 2
        case leads = 3
        case leadsOfVehicle = 4
        case leadsOfDealer = 5
    }

    /// In what times events are counted.
    enum Span: Int64, Sendable, CaseIterable {
        case minute = 0
        case hour = 1
        case day = 2

        init(_ interval: StatisticsQuery.Interval) {
            switch interval {
            case .minute: self = .minute
            case .hour: self = .hour
            case .day: self = .day
            }
        }

        /// When that which a time falls into begins: of minutes and hours as UTC has them, of days as `days` has them.
        func start(of time: Int64, _ days: inout LocalDays) -> Int64 {
            switch self {
            case .minute: time / 60_000 * 60_000
            case .hour: time / 3_600_000 * 3_600_000
            case .day: days.start(of: time)
            }
        }
    }

    struct Bucket: Hashable {
        let span: Span
        /// Milliseconds since 1970.
        let start: Int64
        let event: ExactText
    }

    struct DayFigure: Hashable {
        let day: Int
        let figure: Figure
        /// Empty for what is counted once for all.
        let id: ExactText
    }

    struct DayVehicle: Hashable {
        let day: Int
        let id: ExactText
    }

    /// Users are counted as active by tens of seconds.
    static let activeSlot: Int64 = 10_000
    private static let depthMax = 512
    private static let none = ExactText("")

    /// What is to be added, by the tables' keys.
    struct Sums: Sendable {
        var counts: [Bucket: Int64] = [:]
        var figures: [DayFigure: Int64] = [:]
        var uniques: [DayVehicle: UniqueSketch] = [:]
        var active: [Int64: UniqueSketch] = [:]
    }

    private(set) var sums = Sums()
    private var days: LocalDays
    private let hasher: RecordIdentityHasher
    private let parser = JSONParser(depthMax: StatisticsDelta.depthMax)

    init(_ days: LocalDays, hasher: RecordIdentityHasher) {
        self.days = days
        self.hasher = hasher
    }

    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    mutating func add(_ record: RecordView) throws(JSONParser.Refusal) {
        guard let name = record.header("event"), let value = record.value else { return }
        let event = try parser.parse(value).root
        let received = max(0, record.timestamp)
        let said = event.member("timestamp").flatMap { $0.isString ? Timestamp.milliseconds($0.stringBytes) : nil }
        count(ExactText(String(decoding: name, as: UTF8.self)), at: max(0, min(said ?? received, received)))
        // Of the user, or of the anonymous id where there is no user.
        guard let user = record.key.map({ hasher.identity(of: $0).high }) else { return }
        sums.active[received / Self.activeSlot, default: UniqueSketch()].insert(user)
        let day = days.day(of: received)
        let properties = event.member("properties")
        func id(_ name: StaticString) -> ExactText? { properties?.member(name)?.string.map(ExactText.init) }
        if name.elementsEqual("vehicle_view".utf8) {
            guard let vehicle = id("vehicleId") else { return }
            add(.views, vehicle, day)
            sums.uniques[DayVehicle(day: day, id: vehicle), default: UniqueSketch()].insert(user)
        } else if name.elementsEqual("search".utf8) {
            add(.searches, Self.none, day)
            guard let filters = properties?.member("filters") else { return }
            for (filter, _) in filters.members { if let name = filter.string { add(.filters, ExactText(name), day) } }
        } else if name.elementsEqual("lead_form_submit".utf8) {
            add(.leads, Self.none, day)
            if let vehicle = id("vehicleId") { add(.leadsOfVehicle, vehicle, day) }
            if let dealer = id("dealerId") { add(.leadsOfDealer, dealer, day) }
        }
    }

    private mutating func count(_ event: ExactText, at time: Int64) {
        for span in Span.allCases {
            sums.counts[Bucket(span: span, start: span.start(of: time, &days), event: event), default: 0] += 1
        }
    }

    private mutating func add(_ figure: Figure, _ id: ExactText, _ day: Int) {
        sums.figures[DayFigure(day: day, figure: figure, id: id), default: 0] += 1
    }
}

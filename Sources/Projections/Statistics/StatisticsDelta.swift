internal import Consumption
internal import EventModel
internal import Foundation
internal import GRDB
internal import RecordFormat
internal import EventLog

/// What some records add to the statistics, together: so a table's row is written once for all of them.
struct StatisticsDelta {
    /// What is counted, each under names.
    enum Figure: Int64, Sendable {
        /// Events by their names, in times of these lengths.
        case minute = 0
        case hour = 1
        case day = 2
        /// By day, under the names of what it is about.
        case views = 3
        case searches = 4
        case filters = 5
        case leads = 6
        case leadsOfVehicle = 7
        case leadsOfDealer = 8

        static let ofTimes: [Figure] = [.minute, .hour, .day]
        static let ofDays: [Figure] = [.views, .searches, .filters, .leads, .leadsOfVehicle, .leadsOfDealer]

        init(_ interval: StatisticsQuery.Interval) {
            switch interval {
            case .minute: self = .minute
            case .hour: self = .hour
            case .day: self = .day
            }
        }

        /// Different names at one time, above which others count without theirs: clients choose them.
        var namesMax: Int64 { Self.ofTimes.contains(self) ? 1000 : 100_000 }
    }

    /// Of what there is one count.
    struct Key: Hashable {
        let figure: Figure
        /// When the time begins in which it is counted: in milliseconds since 1970 for events by their names, a day's number for the others.
        let start: Int64
        /// Empty for what is counted without a name.
        let name: ExactText
    }

    struct DayVehicle: Hashable {
        let day: Int
        let id: ExactText
    }

    /// Users are counted as active by tens of seconds.
    static let activeSlot: Int64 = 10_000
    private static let depthMax = 512
    static let none = ExactText("")

    /// What is to be added, by the tables' keys.
    struct Sums: Sendable {
        var counts: [Key: Int64] = [:]
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
        count(ExactText(EventMeasure.bounded(String(decoding: name, as: UTF8.self))), at: max(0, min(said ?? received, received)))
        // Of the user, or of the anonymous id where there is no user.
        guard let user = record.key.map({ hasher.identity(of: $0).high }) else { return }
        sums.active[received / Self.activeSlot, default: UniqueSketch()].insert(user)
        let day = days.day(of: received)
        EventMeasure.forEach(of: event, named: name) { measure in
            switch measure {
            case .view(let vehicle):
                let vehicle = ExactText(vehicle)
                add(.views, vehicle, day)
                if vehicle != Self.none {
                    sums.uniques[DayVehicle(day: day, id: vehicle), default: UniqueSketch()].insert(user)
                }
            case .search: add(.searches, Self.none, day)
            case .filter(let name): add(.filters, ExactText(name), day)
            case .lead: add(.leads, Self.none, day)
            case .leadOfVehicle(let vehicle): add(.leadsOfVehicle, ExactText(vehicle), day)
            case .leadOfDealer(let dealer): add(.leadsOfDealer, ExactText(dealer), day)
            }
        }
    }

    private mutating func count(_ event: ExactText, at time: Int64) {
        for figure in Figure.ofTimes {
            sums.counts[Key(figure: figure, start: days.start(of: time, figure), name: event), default: 0] += 1
        }
    }

    private mutating func add(_ figure: Figure, _ name: ExactText, _ day: Int) {
        sums.counts[Key(figure: figure, start: Int64(day), name: name), default: 0] += 1
    }
}

extension LocalDays {
    /// When that which a time falls into begins: of minutes and hours as UTC has them, of days as these are.
    mutating func start(of time: Int64, _ figure: StatisticsDelta.Figure) -> Int64 {
        switch figure {
        case .minute: time / 60_000 * 60_000
        case .hour: time / 3_600_000 * 3_600_000
        default: start(of: time)
        }
    }
}

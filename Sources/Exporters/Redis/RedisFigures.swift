internal import Consumption
internal import EventLog
internal import EventModel
internal import RecordFormat

/// What some records add to the figures in Redis, together: so each key is written once for all of them.
///
/// Sendable: one task fills it, then hands it over.
struct RedisFigures: @unchecked Sendable {
    /// How long a user is active after an event, in milliseconds.
    static let activeMilliseconds: Int64 = 300_000
    private static let depthMax = 512

    /// An id and whose it became last.
    struct Alias {
        let kind: AliasClaim.Kind
        let user: ExactText
        let place: Place
    }

    /// In the order of what was said.
    struct Place: Comparable {
        let time: Int64
        let partition: Int
        let offset: Int64

        init(time: Int64, partition: Int, offset: Int64) {
            (self.time, self.partition, self.offset) = (time, partition, offset)
        }

        /// As `text` writes it.
        init?(_ text: String) {
            let numbers = text.split(separator: " ").map { Int64($0) }
            guard numbers.count == 3, let time = numbers[0], let partition = numbers[1], let offset = numbers[2] else {
                return nil
            }
            self.init(time: time, partition: Int(partition), offset: offset)
        }

        var text: String { "\(time) \(partition) \(offset)" }

        static func < (a: Place, b: Place) -> Bool { (a.time, a.partition, a.offset) < (b.time, b.partition, b.offset) }
    }

    /// When they are counted, or just before, on the same day.
    let clock: RedisBook.Clock
    private(set) var aliases: [ExactText: Alias] = [:]
    private var views: [ExactText: Int64] = [:]
    private var viewers: [ExactText: Set<[UInt8]>] = [:]
    private var filters: [ExactText: Int64] = [:]
    private var leadsOfVehicles: [ExactText: Int64] = [:]
    private var leadsOfDealers: [ExactText: Int64] = [:]
    private var (searches, leads): (Int64, Int64) = (0, 0)
    /// When each user was seen last.
    private var active: [[UInt8]: Int64] = [:]
    private let parser = JSONParser(depthMax: RedisFigures.depthMax)

    init(_ clock: RedisBook.Clock) { self.clock = clock }

    /// - Throws: `JSONParser.Refusal` where the value is no JSON.
    mutating func add(_ record: RecordView, partition: PartitionID) throws(JSONParser.Refusal) {
        // Of the user, or of the anonymous id where there is no user.
        guard let name = record.header("event"), let value = record.value, let key = record.key else { return }
        let received = record.timestamp
        if received > clock.now - Self.activeMilliseconds {
            let place = Array(key)
            active[place] = max(received, active[place] ?? 0)
        }
        let isMeasured = clock.today.contains(received) && EventMeasure.isMeasured(name)
        let claims = AliasClaim.Kind(event: name)
        guard isMeasured || claims != nil else { return }
        let event = try parser.parse(value).root
        if let claims {
            add(AliasClaim(claims, event: event), Place(time: received, partition: partition.number, offset: record.offset))
        }
        if isMeasured { EventMeasure.forEach(of: event, named: name) { add($0, user: key) } }
    }

    private mutating func add(_ claim: AliasClaim?, _ place: Place) {
        guard let claim, let id = claim.id else { return }
        if let known = aliases[id], known.place > place { return }
        aliases[id] = Alias(kind: claim.kind, user: claim.user, place: place)
    }

    private mutating func add(_ measure: EventMeasure, user: UnsafeRawBufferPointer) {
        func add(to counts: inout [ExactText: Int64], _ name: String) {
            if !name.isEmpty { counts[ExactText(name), default: 0] += 1 }
        }
        switch measure {
        case .view(let vehicle):
            add(to: &views, vehicle)
            if !vehicle.isEmpty { viewers[ExactText(vehicle), default: []].insert(Array(user)) }
        case .search: searches += 1
        case .filter(let name): add(to: &filters, name)
        case .lead: leads += 1
        case .leadOfVehicle(let vehicle): add(to: &leadsOfVehicles, vehicle)
        case .leadOfDealer(let dealer): add(to: &leadsOfDealers, dealer)
        }
    }

    /// The commands that add all of it, but for the aliases. A user is active for what is left of the time when they are made.
    func commands() -> RedisCommands {
        var commands = RedisCommands()
        for (vehicle, count) in views {
            addCount(RedisKeys.views(vehicle.string), count, to: &commands)
            commands.add("ZINCRBY", RedisKeys.top, .number(count), .text(vehicle.string))
        }
        for (vehicle, users) in viewers {
            let key = RedisKeys.unique(vehicle.string)
            commands.add("PFADD", key, all: users.map { .bytes($0) })
            expire(key, &commands)
        }
        for (name, count) in filters { commands.add("HINCRBY", RedisKeys.filters, .text(name.string), .number(count)) }
        addCount(RedisKeys.searches, searches, to: &commands)
        addCount(RedisKeys.leads, leads, to: &commands)
        for (vehicle, count) in leadsOfVehicles { addCount(RedisKeys.leads(vehicle: vehicle.string), count, to: &commands) }
        for (dealer, count) in leadsOfDealers { addCount(RedisKeys.leads(dealer: dealer.string), count, to: &commands) }
        if !views.isEmpty { expire(RedisKeys.top, &commands) }
        if !filters.isEmpty { expire(RedisKeys.filters, &commands) }
        for (user, seen) in active {
            let left = min(seen, clock.now) + Self.activeMilliseconds - clock.now
            commands.add("PSETEX", RedisKeys.active(user), .number(left), "1")
        }
        return commands
    }

    private func addCount(_ key: RedisKeys.Key, _ count: Int64, to commands: inout RedisCommands) {
        if count == 0 { return }
        commands.add("INCRBY", key, .number(count))
        expire(key, &commands)
    }

    private func expire(_ key: RedisKeys.Key, _ commands: inout RedisCommands) {
        commands.add("PEXPIREAT", key, .number(clock.today.upperBound))
    }
}

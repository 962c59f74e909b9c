internal import Consumption
internal import EventLog
internal import EventModel
internal import Foundation
internal import RecordFormat

/// What Redis holds of one log: the figures, and beside them how far they count. For one task at a time.
///
/// Invariants:
/// 1. A record's figures and that it is counted change in one transaction (MULTI), or neither does.
/// 2. A transaction is of what was read after its WATCH, so that one of an earlier attempt, which reaches Redis only now, does nothing once
///    another one was made; nor does one of an earlier day.
/// 3. What is counted under `today` was received on the day that Redis' own clock shows.
final class RedisBook: @unchecked Sendable {
    // Sendable: whoever uses it waits for what it asked for before.

    /// How far a record may have been received in Redis' future: clocks differ. Further off it was a clock that was wrong then.
    private static let skewMax: Int64 = 3_600_000
    /// Attempts that others disturb, which write at the same time.
    private static let attemptsMax = 20

    /// How far the figures count.
    struct Kept: Equatable {
        /// By partition; missing where nothing was counted yet.
        var positions: [Int: Int64] = [:]
        var passedOver = PassedOver()
    }

    /// Another one has counted this log since the positions were read.
    struct PositionsMoved: Error, CustomStringConvertible {
        let description = "the positions in Redis are others than they were; they are read again"
    }

    /// The time, and the day that is counted then, as Redis has them; in milliseconds since 1970.
    struct Clock: Equatable {
        let today: Range<Int64>
        let now: Int64

        func after(_ duration: Duration) -> Clock { Clock(today: today, now: now + Int64(duration / .milliseconds(1))) }
    }

    /// What a delivery adds, and the commands for it.
    struct Prepared: Sendable {
        let figures: RedisFigures
        let commands: RedisCommands

        /// What is as old is made anew: users are active for what is left of the time when the commands are made.
        private static let ageMillisecondsMax: Int64 = 1_000

        init(_ figures: RedisFigures) {
            self.figures = figures
            commands = figures.commands()
        }

        /// Whether it can be executed at that time as it is.
        func isRight(at clock: Clock) -> Bool {
            figures.clock.today == clock.today && abs(clock.now - figures.clock.now) < Self.ageMillisecondsMax
        }
    }

    /// What is asked for before a transaction.
    private struct Look {
        let positions: [Int: Int64]
        /// When the day began that is counted so far; nil: none.
        let day: Int64?
        let clock: Clock
        /// Offsets in front of the positions that are counted already, of each partition.
        let ahead: [Int: Set<Int64>]
    }

    private let connection: RedisConnection
    private let keys: RedisKeys
    private let losses: RedisLosses
    private var days: LocalDays

    init(_ connection: RedisConnection, keys: RedisKeys, zone: TimeZone, losses: RedisLosses) {
        self.connection = connection
        self.keys = keys
        self.losses = losses
        days = LocalDays(zone)
    }

    // MARK: Reading

    func kept() throws -> Kept {
        var commands = RedisCommands()
        commands.add("HGETALL", keys.positions)
        let fields = try answers(to: commands)[0].elements ?? []
        var kept = Kept()
        for place in stride(from: 0, to: fields.count - 1, by: 2) {
            guard let field = fields[place].text, let number = fields[place + 1].number else { continue }
            if let partition = Int(field) {
                kept.positions[partition] = number
            } else if field == Self.setAsideField {
                kept.passedOver.setAside = number
            } else if let cause = ConsumptionGap.Cause.allCases.first(where: { Self.field($0) == field }) {
                kept.passedOver.gaps[cause] = number
            }
        }
        return kept
    }

    private static let setAsideField = "setAside"
    private static func field(_ cause: ConsumptionGap.Cause) -> String { "missed.\(cause.rawValue)" }

    private func look(_ ranges: [Int: Range<Int64>]) throws -> Look {
        let partitions = ranges.keys.sorted()
        var commands = RedisCommands()
        commands.add("UNWATCH")
        commands.add("WATCH", keys.positions, all: [RedisKeys.day] + partitions.map { keys.ahead($0) })
        commands.add("TIME")
        commands.add("GET", RedisKeys.day)
        commands.add("HMGET", keys.positions, all: partitions.map { .number(Int64($0)) })
        for partition in partitions {
            let range = ranges[partition] ?? 0..<0
            commands.add("ZRANGEBYSCORE", keys.ahead(partition), .number(range.lowerBound), .number(range.upperBound - 1))
        }
        let answers = try answers(to: commands)
        guard let time = answers[2].elements, time.count == 2, let seconds = time[0].number, let microseconds = time[1].number
        else {
            throw RedisFailure("Redis at \(connection.address.shown) does not tell the time")
        }
        let now = seconds * 1000 + microseconds / 1000
        let positions = answers[4].elements ?? []
        return Look(
            positions: Dictionary(
                zip(partitions, positions).compactMap { partition, position in position.number.map { (partition, $0) } }
            ) { first, _ in first },
            day: answers[3].number, clock: Clock(today: days.times(of: now), now: now),
            ahead: Dictionary(
                zip(partitions, answers[5...]).map { partition, offsets in
                    (partition, Set((offsets.elements ?? []).compactMap(\.number)))
                }
            ) { first, _ in first })
    }

    /// Throws where Redis refuses one of them.
    private func answers(to commands: RedisCommands) throws -> [RedisReply] {
        let answers = try connection.answers(to: commands)
        for case .error(let text) in answers { throw RedisFailure(text, address: connection.address) }
        return answers
    }

    /// The log has lost what is behind an offset: others come in its place, which are not counted.
    func moveBack(_ partition: Int, to end: Int64) throws {
        var commands = RedisCommands()
        commands.add("MULTI")
        commands.add("HSET", keys.positions, .number(Int64(partition)), .number(end))
        commands.add("ZREMRANGEBYSCORE", keys.ahead(partition), .number(end), "+inf")
        commands.add("EXEC")
        _ = try answers(to: commands)
    }

    // MARK: Counting

    /// Counts a delivery and moves the positions with it.
    ///
    /// - Parameters:
    ///   - prepared: the delivery's figures, made before; used where they are still right.
    ///   - positions: of the partitions, as they were read or moved last.
    /// - Returns: the time, for the figures of the next one.
    /// - Throws: `PositionsMoved` where they are others; `PoisonRecord`; else nothing was changed, or that is not known.
    func count(_ delivery: Delivery, _ prepared: Prepared?, from positions: [Int: Int64]) throws -> Clock {
        let moved = delivery.positions
        var ranges: [Int: Range<Int64>] = [:]
        for partition in moved.keys { ranges[partition.number] = 0..<0 }
        for slice in delivery.slices {
            let known = ranges[slice.partition.number] ?? 0..<0
            ranges[slice.partition.number] =
                known.isEmpty ? slice.offsets : min(known.lowerBound, slice.offsets.lowerBound)..<slice.offsets.upperBound
        }
        let last = delivery.slices.map { $0.places.isEmpty ? 0 : $0.batches.timestamp(at: $0.places.upperBound - 1) }.max() ?? 0
        return try transact(ranges, last: last) { look, commands in
            guard ranges.keys.allSatisfy({ look.positions[$0] == positions[$0] }) else { throw PositionsMoved() }
            let added =
                if let prepared, prepared.isRight(at: look.clock), look.ahead.values.allSatisfy(\.isEmpty) {
                    prepared
                } else {
                    try Self.prepare(delivery, look.clock, leavingOut: look.ahead)
                }
            for (partition, position) in moved {
                commands.add("HSET", keys.positions, .number(Int64(partition.number)), .number(position))
                let isNoted = look.ahead[partition.number]?.isEmpty == false
                if isNoted || delivery.gaps.contains(where: { $0.partition == partition }) {
                    commands.add("ZREMRANGEBYSCORE", keys.ahead(partition.number), "-inf", .number(position - 1))
                }
            }
            for gap in delivery.gaps {
                commands.add("HINCRBY", keys.positions, .text(Self.field(gap.cause)), .number(Int64(gap.offsets.count)))
            }
            if !delivery.setAside.isEmpty {
                commands.add("HINCRBY", keys.positions, .text(Self.setAsideField), .number(Int64(delivery.setAside.count)))
            }
            return added
        }
    }

    /// What a delivery adds.
    ///
    /// - Parameters:
    ///   - clock: not later than when it is counted.
    ///   - ahead: offsets of each partition that are counted already.
    /// - Throws: `PoisonRecord`.
    static func prepare(_ delivery: Delivery, _ clock: Clock, leavingOut ahead: [Int: Set<Int64>] = [:]) throws -> Prepared {
        var figures = RedisFigures(clock)
        try delivery.forEachRecord { partition, record throws(PoisonRecord) in
            if let ahead = ahead[partition.number], ahead.contains(record.offset) { return }
            do throws(JSONParser.Refusal) { try figures.add(record, partition: partition) } catch {
                throw PoisonRecord(partition: partition, offset: record.offset, reason: "the event is no JSON: \(error)")
            }
        }
        return Prepared(figures)
    }

    /// Counts those records of a replay that are not counted yet, so that `count` leaves them out when it comes to them.
    func countAhead(_ chunk: ReplayChunk) throws {
        let partition = PartitionID(chunk.partition)
        _ = try transact([chunk.partition: chunk.offsets], last: chunk.lastTimestamp) { look, commands in
            var figures = RedisFigures(look.clock)
            let position = look.positions[chunk.partition] ?? 0
            let ahead = look.ahead[chunk.partition] ?? []
            var marks: [RedisCommands.Argument] = []
            chunk.forEachRecord { record in
                if record.offset < position || ahead.contains(record.offset) { return }
                // What is no JSON adds nothing.
                try? figures.add(record, partition: partition)
                marks += [.number(record.offset), .number(record.offset)]
            }
            if !marks.isEmpty { commands.add("ZADD", keys.ahead(chunk.partition), all: marks) }
            return Prepared(figures)
        }
    }

    /// Looks, has `fill` say what is to be changed, and changes it; again where others have changed meanwhile what it was made of.
    ///
    /// - Parameter last: when the newest of the records was received.
    private func transact(
        _ ranges: [Int: Range<Int64>], last: Int64, _ fill: (Look, inout RedisCommands) throws -> Prepared
    ) throws -> Clock {
        for _ in 0..<Self.attemptsMax {
            let look = try look(ranges)
            let (today, now) = (look.clock.today, look.clock.now)
            if last >= today.upperBound, last < now + Self.skewMax {
                throw RedisFailure(
                    "Redis' clock is \(last - now) ms behind, and on the day before; the new day's figures wait for it")
            }
            if let day = look.day, day > today.lowerBound {
                throw RedisFailure(
                    "Redis at \(connection.address.shown) has figures of a later day than its clock shows; they wait for it. If its clock is "
                        + "right, another service counts days of another time zone into it, or Redis.TimeZone was changed: remove the "
                        + "key okla:day then")
            }
            var commands = RedisCommands()
            let added = try fill(look, &commands)
            try addAliases(added.figures.aliases, to: &commands)
            commands.add(all: added.commands)
            if look.day != today.lowerBound { commands.add("SET", RedisKeys.day, .number(today.lowerBound)) }
            if try commands.count == 0 || execute(commands) { return look.clock }
        }
        throw RedisFailure("others write to Redis at \(connection.address.shown) at the same time, again and again")
    }

    /// False: nothing was done, for something that was looked at has changed.
    private func execute(_ commands: RedisCommands) throws -> Bool {
        var transaction = RedisCommands()
        transaction.add("MULTI")
        transaction.add(all: commands)
        transaction.add("EXEC")
        let answers = try connection.answers(to: transaction)
        switch answers[answers.count - 1] {
        case .null: return false
        case .array(let results) where results.count == commands.count:
            for (number, result) in results.enumerated() {
                if case .error(let text) = result { losses.add(text, of: commands.key(of: number)) }
            }
            return true
        case let last:
            // What was refused first says why.
            for case .error(let text) in answers { throw RedisFailure(text, address: connection.address) }
            throw RedisFailure("Redis at \(connection.address.shown) answers \(last) to a transaction")
        }
    }

    private func addAliases(_ aliases: [ExactText: RedisFigures.Alias], to commands: inout RedisCommands) throws {
        if aliases.isEmpty { return }
        let sorted = aliases.sorted { $0.value.place < $1.value.place }
        var questions = RedisCommands()
        // Only here, and just before the end: all services write to it, and each that does ends the attempts of those who watch.
        questions.add("WATCH", RedisKeys.aliasTimes)
        questions.add("HMGET", RedisKeys.aliasTimes, all: sorted.map { .text($0.key.string) })
        questions.add("HMGET", RedisKeys.aliases, all: sorted.map { .text($0.value.user.string) })
        let known = try answers(to: questions).dropFirst().map { $0.elements ?? [] }
        guard known.allSatisfy({ $0.count == sorted.count }) else {
            throw RedisFailure("Redis at \(connection.address.shown) does not tell its aliases")
        }
        var said: [ExactText: ExactText] = [:]
        for (number, (id, alias)) in sorted.enumerated() {
            if let place = known[0][number].text.flatMap(RedisFigures.Place.init), place > alias.place { continue }
            // An alias that leads straight back says nothing of anybody.
            if alias.kind == .alias, said[alias.user] ?? known[1][number].text.map(ExactText.init) == id { continue }
            said[id] = alias.user
            commands.add("HSET", RedisKeys.aliases, .text(id.string), .text(alias.user.string))
            commands.add("HSET", RedisKeys.aliasTimes, .text(id.string), .text(alias.place.text))
        }
    }
}

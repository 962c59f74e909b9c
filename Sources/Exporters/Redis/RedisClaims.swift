internal import Foundation
internal import Synchronization

/// messageIds that several collectors share, in a Redis: `dedup:<messageId>` is `pending:<owner>` for 30 seconds while a collector writes the event
/// (`SET NX EX`), and `stored` for the window once it is durable there.
///
/// A thread of its own takes everything that has come since it last asked and asks for it at once. Where Redis does not answer in time nobody waits for
/// it any longer: ids are `unknown` until it does again. What was stored meanwhile it is told then.
package final class RedisClaims: @unchecked Sendable {
    // Sendable: everything is touched with the condition locked, but for the connection, which is the thread's.

    package enum Claim: Sendable, CaseIterable {
        case granted, stored, pending, unknown
    }

    /// After a crash its claims lapse, in seconds.
    private static let pendingSeconds: Int64 = 30
    /// Slower than that, and events are stored without it.
    private static let patience = RedisConnection.Patience(connect: 250, answer: 250)
    /// How long it is asked again for what another collector is writing, and how often.
    private static let writingMax = Duration.seconds(1)
    private static let writingPause = 0.02
    /// How often it is tried whether Redis is back, in seconds.
    private static let absencePause = 1.0
    /// Ids that are asked for at once.
    private static let idsMax = 4096
    /// Ids that wait to be confirmed while Redis is away. There is room for no more, and the oldest are not told.
    private static let confirmationsMax = 100_000

    private struct Group {
        let ids: [[UInt8]]
        let body: @Sendable ([Claim]) -> Void
        var claims: [Claim?]
        let givesUpAt: ContinuousClock.Instant

        var open: [Int] { claims.indices.filter { claims[$0] == nil } }

        func end() { body(claims.map { $0 ?? .unknown }) }
    }

    private let pending: RedisCommands.Argument
    private let windowSeconds: Int64
    private let connection: RedisConnection
    private let interruption = Interruption()
    private let onChange: @Sendable (_ trouble: String?) -> Void

    private let condition = NSCondition()
    private var groups: [Group] = []
    private var confirmed: [[UInt8]] = []
    private var released: [[UInt8]] = []
    private var isAway = false
    private var isStopping = false
    private var hasEnded = false
    private var counts: [Claim: Int64] = [:]
    private var untoldCount: Int64 = 0

    /// - Parameters:
    ///   - url: where the Redis is, as in `Redis.Url`.
    ///   - owner: another one for each collector, and the same after a restart.
    ///   - windowSeconds: how long an id is known after its event was stored.
    ///   - onChange: told why Redis cannot be asked, and of nil when it can again.
    /// - Throws: `ExporterRefusal` that says what is wrong with the address, without the key's name.
    package init(
        url: String, owner: String, windowSeconds: Int64, onChange: @escaping @Sendable (_ trouble: String?) -> Void
    ) throws {
        connection = RedisConnection(try RedisAddress(url), interruption: interruption, patience: Self.patience)
        pending = .text("pending:\(owner)")
        self.windowSeconds = windowSeconds
        self.onChange = onChange
        Thread.detachNewThread { self.work() }
    }

    /// - Throws: `ExporterRefusal`, as `init`.
    package static func check(url: String) throws { _ = try RedisAddress(url) }

    // MARK: For those who write events

    /// Calls `body` once with what became of each id: on the thread that asks, or on the caller's where nobody asks.
    package func claim(_ ids: [[UInt8]], _ body: @escaping @Sendable ([Claim]) -> Void) {
        let group = Group(
            ids: ids, body: body, claims: Array(repeating: nil, count: ids.count),
            givesUpAt: ContinuousClock.now + Self.writingMax)
        let isTaken = condition.withLock {
            if isAway || isStopping || ids.isEmpty {
                counts[.unknown, default: 0] += Int64(ids.count)
                return false
            }
            groups.append(group)
            condition.signal()
            return true
        }
        if !isTaken { group.end() }
    }

    package func confirm(_ ids: [[UInt8]]) {
        if ids.isEmpty { return }
        condition.withLock {
            confirmed += ids
            forgetOldest()
            condition.signal()
        }
    }

    package func release(_ ids: [[UInt8]]) {
        if ids.isEmpty { return }
        condition.withLock {
            // Without Redis nothing was claimed.
            if isAway { return }
            released += ids
            condition.signal()
        }
    }

    /// Tells what is left to be told, where Redis is there, and ends the thread; blocks for that, not for long. Whoever claims from now on does not
    /// wait.
    package func stop() {
        condition.withLock {
            isStopping = true
            condition.broadcast()
            let end = Date(timeIntervalSinceNow: Self.absencePause)
            while !hasEnded, condition.wait(until: end) {}
        }
    }

    /// What became of ids since the start.
    package func count(of claim: Claim) -> Int64 { condition.withLock { counts[claim] ?? 0 } }

    /// Stored events of which Redis was not told.
    package var untold: Int64 { condition.withLock { untoldCount } }

    /// Whether Redis is asked.
    package var isThere: Bool { condition.withLock { !isAway } }

    private func forgetOldest() {
        let excess = confirmed.count - Self.confirmationsMax
        if excess <= 0 { return }
        confirmed.removeFirst(excess)
        untoldCount += Int64(excess)
    }

    // MARK: The thread

    private struct Work {
        var groups: [Group]
        var confirmed: [[UInt8]]
        var released: [[UInt8]]
        var isLast: Bool
    }

    private func work() {
        var asked: [Group] = []
        while true {
            var work = next(pausing: !asked.isEmpty)
            work.groups = asked + work.groups
            do {
                try tell(work)
                asked = try ask(work.groups)
                back()
            } catch {
                asked = []
                away(work, "\(error)")
            }
            if work.isLast { break }
        }
        for group in asked { group.end() }
        connection.close()
        condition.withLock {
            hasEnded = true
            condition.broadcast()
        }
    }

    /// Waits until there is something to do.
    ///
    /// - Parameter pausing: something is to be asked again after a pause.
    private func next(pausing: Bool) -> Work {
        condition.withLock {
            if isAway {
                let end = Date(timeIntervalSinceNow: Self.absencePause)
                while !isStopping, condition.wait(until: end) {}
            } else if pausing, groups.isEmpty, !isStopping {
                _ = condition.wait(until: Date(timeIntervalSinceNow: Self.writingPause))
            } else {
                while groups.isEmpty, confirmed.isEmpty, released.isEmpty, !isStopping { condition.wait() }
            }
            defer { (groups, confirmed, released) = ([], [], []) }
            return Work(groups: groups, confirmed: confirmed, released: released, isLast: isStopping)
        }
    }

    private func back() {
        let isNews = condition.withLock {
            defer { isAway = false }
            return isAway
        }
        if isNews { onChange(nil) }
    }

    /// Nobody waits for it until it is back.
    private func away(_ work: Work, _ reason: String) {
        let (isNews, left) = condition.withLock {
            let isNews = !isAway && !isStopping
            isAway = true
            let left = work.groups + groups
            groups = []
            counts[.unknown, default: 0] += Int64(left.reduce(0) { $0 + $1.open.count })
            confirmed = work.confirmed + confirmed
            forgetOldest()
            // They lapse.
            released = []
            return (isNews, left)
        }
        if isNews { onChange(reason) }
        for group in left { group.end() }
    }

    // MARK: Redis

    /// Does what was claimed, as another one's for as long as nobody else has set it.
    private static let takeAgain = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return 1 end return 0
        """
    private static let giveBack = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

    private func tell(_ work: Work) throws {
        for start in stride(from: 0, to: work.confirmed.count, by: Self.idsMax) {
            var commands = RedisCommands()
            for id in work.confirmed[start..<min(start + Self.idsMax, work.confirmed.count)] {
                commands.add("SET", key(id), "stored", "EX", .number(windowSeconds))
            }
            _ = try answers(commands)
        }
        if !work.released.isEmpty {
            var commands = RedisCommands()
            for id in work.released { commands.add("EVAL", .text(Self.giveBack), "1", key(id), pending) }
            _ = try answers(commands)
        }
        if work.confirmed.isEmpty, work.released.isEmpty, condition.withLock({ isAway }) {
            var commands = RedisCommands()
            commands.add("PING")
            _ = try answers(commands)
        }
    }

    /// Asks for what is open of these groups; returns those for which it must be asked again.
    private func ask(_ groups: [Group]) throws -> [Group] {
        var groups = groups
        var places = groups.indices.flatMap { group in groups[group].open.map { (group: group, id: $0) } }
        while !places.isEmpty {
            let some = places.prefix(Self.idsMax)
            try ask(some.map { $0 }, &groups)
            places.removeFirst(some.count)
        }
        var left: [Group] = []
        for group in groups {
            if !group.open.isEmpty, ContinuousClock.now < group.givesUpAt {
                left.append(group)
                continue
            }
            var group = group
            group.claims = group.claims.map { $0 ?? .pending }
            condition.withLock { for claim in group.claims { counts[claim ?? .unknown, default: 0] += 1 } }
            group.end()
        }
        return left
    }

    private func ask(_ places: [(group: Int, id: Int)], _ groups: inout [Group]) throws {
        var commands = RedisCommands()
        for place in places {
            commands.add("SET", key(groups[place.group].ids[place.id]), pending, "NX", "EX", .number(Self.pendingSeconds))
        }
        var others: [(group: Int, id: Int)] = []
        for (place, answer) in zip(places, try answers(commands)) {
            if case .status = answer { groups[place.group].claims[place.id] = .granted } else { others.append(place) }
        }
        if others.isEmpty { return }
        commands.removeAll()
        for place in others { commands.add("GET", key(groups[place.group].ids[place.id])) }
        var own: [(group: Int, id: Int)] = []
        for (place, answer) in zip(others, try answers(commands)) {
            if answer.text == "stored" {
                groups[place.group].claims[place.id] = .stored
            } else if case .text(let pending) = pending, answer.text == pending {
                own.append(place)
            }
        }
        try takeAgain(own, &groups)
    }

    /// This collector had claimed them before: what came of it the log knows, which does not have them, so they are to be written.
    private func takeAgain(_ places: [(group: Int, id: Int)], _ groups: inout [Group]) throws {
        if places.isEmpty { return }
        var commands = RedisCommands()
        for place in places {
            let key = key(groups[place.group].ids[place.id])
            commands.add("EVAL", .text(Self.takeAgain), "1", key, pending, .number(Self.pendingSeconds))
        }
        for (place, answer) in zip(places, try answers(commands)) where answer.number == 1 {
            groups[place.group].claims[place.id] = .granted
        }
    }

    private func answers(_ commands: RedisCommands) throws -> [RedisReply] {
        let answers = try connection.answers(to: commands)
        for case .error(let text) in answers { throw RedisFailure(text, address: connection.address) }
        return answers
    }

    private func key(_ id: [UInt8]) -> RedisCommands.Argument { .bytes(Array("dedup:".utf8) + id) }
}

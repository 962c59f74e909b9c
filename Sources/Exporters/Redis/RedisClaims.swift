internal import Dispatch
internal import Foundation
internal import Synchronization

/// messageIds that several collectors share, in a Redis: `dedup:<messageId>` is `pending:<owner>` for 30 seconds while a collector writes the event
/// (`SET NX EX`), and `stored` for the window once it is durable there.
///
/// A thread of its own takes everything that has come since it last asked and asks for it at once. Where Redis does not answer in time nobody waits for
/// it any longer: ids are `unknown` until it does again. What was stored meanwhile it is told then.
package final class RedisClaims: @unchecked Sendable {
    // Sendable: what others touch too is behind the mutex; the connection is the thread's.

    package enum Claim: Sendable, CaseIterable {
        case granted, stored, pending, unknown
    }

    /// After a crash its claims lapse, in seconds.
    private static let pendingSeconds: Int64 = 30
    /// Slower than that, and events are stored without it.
    private static let patience = RedisConnection.Patience(connect: 250, answer: 250, answers: 500)
    /// How long it is asked again for what another collector is writing, and how often.
    private static let writingMax = Duration.seconds(1)
    private static let writingPause = DispatchTimeInterval.milliseconds(20)
    /// How often it is tried whether Redis is back; and how long the end waits for it.
    private static let absencePause = DispatchTimeInterval.seconds(1)
    /// Ids that are asked for at once.
    private static let idsMax = 4096
    /// Ids that wait to be asked for. Where more come than Redis answers, the others are not asked for.
    private static let waitingMax = 8 * idsMax
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

    private struct State {
        var groups: [Group] = []
        /// Ids of `groups`.
        var waitingCount = 0
        var confirmed: [[UInt8]] = []
        var released: [[UInt8]] = []
        var isAway = false
        var isStopping = false
        var counts: [Claim: Int64] = [:]
        var untoldCount: Int64 = 0

        /// Seldom, and then many: those who wait are not held up for each.
        mutating func forgetOldest() {
            guard confirmed.count > RedisClaims.confirmationsMax * 5 / 4 else { return }
            let excess = confirmed.count - RedisClaims.confirmationsMax
            confirmed.removeFirst(excess)
            untoldCount += Int64(excess)
        }
    }

    private let state = Mutex(State())
    /// Signalled when there is something to do.
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

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
        let isTaken = state.withLock { state in
            if state.isAway || state.isStopping || ids.isEmpty || state.waitingCount > Self.waitingMax {
                state.counts[.unknown, default: 0] += Int64(ids.count)
                return false
            }
            state.groups.append(group)
            state.waitingCount += ids.count
            return true
        }
        if isTaken { wake.signal() } else { group.end() }
    }

    package func confirm(_ ids: [[UInt8]]) {
        if ids.isEmpty { return }
        state.withLock { state in
            state.confirmed += ids
            state.forgetOldest()
        }
        wake.signal()
    }

    package func release(_ ids: [[UInt8]]) {
        if ids.isEmpty { return }
        // Without Redis nothing was claimed.
        state.withLock { state in if !state.isAway { state.released += ids } }
        wake.signal()
    }

    /// Tells what is left to be told, where Redis is there, and ends the thread; blocks for that, not for long. Whoever claims from now on does not
    /// wait.
    package func stop() {
        state.withLock { $0.isStopping = true }
        wake.signal()
        _ = ended.wait(timeout: .now() + Self.absencePause)
    }

    /// What became of ids since the start.
    package func count(of claim: Claim) -> Int64 { state.withLock { $0.counts[claim] ?? 0 } }

    /// Stored events of which Redis was not told.
    package var untold: Int64 { state.withLock { $0.untoldCount } }

    /// Whether Redis is asked.
    package var isThere: Bool { state.withLock { !$0.isAway } }

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
        ended.signal()
    }

    /// Waits until there is something to do.
    ///
    /// - Parameter pausing: something is to be asked again after a pause.
    private func next(pausing: Bool) -> Work {
        let (isAway, isStopping) = state.withLock { ($0.isAway, $0.isStopping) }
        if isAway, !isStopping {
            let end = DispatchTime.now() + Self.absencePause
            while wake.wait(timeout: end) == .success, !state.withLock({ $0.isStopping }) {}
        } else if pausing {
            _ = wake.wait(timeout: .now() + Self.writingPause)
        } else {
            wake.wait()
        }
        // What was signalled more than once is taken at once.
        while wake.wait(timeout: .now()) == .success {}
        return state.withLock { state in
            defer { (state.groups, state.waitingCount, state.confirmed, state.released) = ([], 0, [], []) }
            return Work(
                groups: state.groups, confirmed: state.confirmed, released: state.released, isLast: state.isStopping)
        }
    }

    private func back() {
        let isNews = state.withLock { state in
            defer { state.isAway = false }
            return state.isAway
        }
        if isNews { onChange(nil) }
    }

    /// Nobody waits for it until it is back.
    private func away(_ work: Work, _ reason: String) {
        let isNews = state.withLock { state in
            state.confirmed = work.confirmed + state.confirmed
            state.forgetOldest()
            // They lapse.
            state.released = []
            return !state.isAway && !state.isStopping
        }
        if isNews { onChange(reason) }
        // Whoever comes before all of these have ended comes behind them.
        var left = work.groups
        while true {
            for group in left { group.end() }
            let isDone = state.withLock { state in
                state.counts[.unknown, default: 0] += Int64(left.reduce(0) { $0 + $1.open.count })
                if state.groups.isEmpty {
                    state.isAway = true
                    return true
                }
                left = state.groups
                (state.groups, state.waitingCount) = ([], 0)
                return false
            }
            if isDone { return }
        }
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
        if work.confirmed.isEmpty, work.released.isEmpty, state.withLock({ $0.isAway }) {
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
            state.withLock { [group] state in
                for claim in group.claims { state.counts[claim ?? .unknown, default: 0] += 1 }
            }
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
        let answers = try patiently(commands)
        for case .error(let text) in answers { throw RedisFailure(text, address: connection.address) }
        return answers
    }

    /// Again where the connection had been closed while nothing was asked. What was done by the first attempt is seen by the second one.
    private func patiently(_ commands: RedisCommands) throws -> [RedisReply] {
        let wasOpen = connection.isOpen
        do { return try connection.answers(to: commands) } catch let failure as RedisFailure
            where wasOpen && failure.isOfClosedConnection
        {
            return try connection.answers(to: commands)
        }
    }

    private func key(_ id: [UInt8]) -> RedisCommands.Argument { .bytes(Array("dedup:".utf8) + id) }
}

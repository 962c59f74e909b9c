internal import CHiredis
internal import Glibc

/// A connection to Redis, made when it is needed and made anew after anything went wrong with it. Blocks whoever uses it, for bounded times;
/// for one task at a time.
final class RedisConnection {
    /// How long Redis may take, in milliseconds.
    struct Patience {
        let connect: Int
        /// To answer, or to take what is sent.
        let answer: Int
        /// To answer all of what it was asked for at once; nil: as long as it goes on.
        var answers: Int?

        static let usual = Patience(connect: 2_000, answer: 10_000)
    }

    let address: RedisAddress
    private let interruption: Interruption
    private let patience: Patience
    private let onEviction: () -> Void
    private var context: UnsafeMutablePointer<redisContext>?

    /// - Parameter onEviction: told that it may remove keys that nobody gave a time.
    init(
        _ address: RedisAddress, interruption: Interruption, patience: Patience = .usual, onEviction: @escaping () -> Void = {}
    ) {
        self.patience = patience
        self.onEviction = onEviction
        self.address = address
        self.interruption = interruption
    }

    deinit { close() }

    /// Sends the commands at once and returns Redis' answer to each of them, errors among them too. Where this throws, whether they were
    /// done is not known, and the connection is closed.
    ///
    /// - Throws: `RedisFailure`, or `CancellationError` after an interruption.
    func answers(to commands: RedisCommands) throws -> [RedisReply] {
        do {
            let context = try opened()
            return try answers(to: commands, context)
        } catch {
            close()
            throw interruption.isInterrupted ? CancellationError() : error
        }
    }

    var isOpen: Bool { context != nil }

    func close() {
        guard let context else { return }
        self.context = nil
        interruption.closing(context.pointee.fd)
        redisFree(context)
    }

    // MARK: Opening

    private func opened() throws -> UnsafeMutablePointer<redisContext> {
        if let context { return context }
        try interruption.check()
        guard
            let made = redisConnectWithTimeout(
                address.host, Int32(address.port), time(milliseconds: patience.connect))
        else { throw RedisFailure("there is no memory for a connection to Redis") }
        guard made.pointee.err == 0 else {
            let failure = failure(of: made, "cannot connect")
            redisFree(made)
            throw failure
        }
        context = made
        interruption.opened(made.pointee.fd)
        redisSetTimeout(made, time(milliseconds: patience.answer))
        redisEnableKeepAlive(made)
        for answer in try answers(to: login, made) {
            if case .error(let text) = answer { throw RedisFailure(text, address: address) }
        }
        warnOfEviction(made)
        return made
    }

    /// A Redis that makes room by removing any key may remove the positions and keep what they count: then that would be counted twice.
    private func warnOfEviction(_ context: UnsafeMutablePointer<redisContext>) {
        var commands = RedisCommands()
        commands.add("INFO", "memory")
        // Who may not ask that goes without.
        guard let answer = try? answers(to: commands, context).first?.text, answer.contains("maxmemory_policy:allkeys") else {
            return
        }
        onEviction()
    }

    private var login: RedisCommands {
        var commands = RedisCommands()
        if let password = address.password {
            if let user = address.user {
                commands.add("AUTH", .text(user), .text(password))
            } else {
                commands.add("AUTH", .text(password))
            }
        }
        if address.database != 0 { commands.add("SELECT", .number(Int64(address.database))) }
        return commands
    }

    // MARK: Talking

    private func answers(
        to commands: RedisCommands, _ context: UnsafeMutablePointer<redisContext>
    ) throws(RedisFailure) -> [RedisReply] {
        let isTaken = commands.bytes.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { redisAppendFormattedCommand(context, $0.baseAddress, $0.count) }
        }
        guard isTaken == REDIS_OK else { throw failure(of: context, "cannot send") }
        var answers: [RedisReply] = []
        answers.reserveCapacity(commands.count)
        let begun = ContinuousClock.now
        for _ in 0..<commands.count {
            if let most = patience.answers, ContinuousClock.now - begun > .milliseconds(most) {
                throw RedisFailure(
                    "Redis at \(address.shown) gave \(answers.count) of \(commands.count) answers within \(Duration.milliseconds(most))"
                )
            }
            var reply: UnsafeMutableRawPointer?
            guard redisGetReply(context, &reply) == REDIS_OK, let reply else { throw failure(of: context, "does not answer") }
            defer { freeReplyObject(reply) }
            answers.append(Self.reply(reply.assumingMemoryBound(to: redisReply.self).pointee))
        }
        return answers
    }

    private func failure(of context: UnsafeMutablePointer<redisContext>, _ what: String) -> RedisFailure {
        let reason = withUnsafeBytes(of: &context.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        // What the system says when a time is over.
        func isError(_ number: Int32) -> Bool {
            context.pointee.err == REDIS_ERR_IO && reason == String(cString: strerror(number))
        }
        let isLate = isError(EAGAIN)
        let isClosed = context.pointee.err == REDIS_ERR_EOF || isError(ECONNRESET) || isError(EPIPE)
        return RedisFailure(
            "Redis at \(address.shown) \(what): \(isLate ? "nothing came within \(Duration.milliseconds(patience.answer))" : reason)",
            isOfClosedConnection: isClosed)
    }

    private static func reply(_ reply: redisReply) -> RedisReply {
        func bytes() -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: reply.str, count: reply.len) }
        switch reply.type {
        case REDIS_REPLY_STATUS: return .status(String(decoding: bytes(), as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(String(decoding: bytes(), as: UTF8.self))
        case REDIS_REPLY_STRING: return .bytes(Array(bytes()))
        case REDIS_REPLY_INTEGER: return .integer(reply.integer)
        case REDIS_REPLY_ARRAY:
            return .array((0..<reply.elements).map { place in reply.element[place].map { Self.reply($0.pointee) } ?? .null })
        default: return .null
        }
    }
}

private func time(milliseconds: Int) -> timeval {
    timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
}

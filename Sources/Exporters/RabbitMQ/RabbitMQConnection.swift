internal import CRabbitMQ
internal import Glibc

/// A connection to RabbitMQ with one channel in confirm mode, made when it is needed and made anew after anything went wrong with it. For one
/// task at a time; it blocks for bounded times, or as long as the broker takes to confirm.
final class RabbitMQConnection {
    private static let connectSeconds = 5
    /// What the broker may take to answer where an answer must come.
    private static let answerSeconds = 10
    /// How long the system lets what was sent wait for the other side before it gives the connection up, in milliseconds: a broker that is
    /// stopped, or a network that is gone.
    private static let unsentMillisecondsMax: CInt = 60_000
    private static let frameBytesMax: Int32 = 131_072
    private static let channel: amqp_channel_t = 1

    let address: RabbitMQAddress
    private let exchange: AMQPName
    private let exchangeKind = AMQPName("topic")
    private let routingKeys = RabbitMQMessages.RoutingKey.allCases.map { AMQPName($0.rawValue) }
    private let interruption: Interruption
    private var state: amqp_connection_state_t?
    private var descriptor: Int32 = -1
    /// Of what was published since the channel was opened.
    private var window = PublishWindow()
    private var reader = RabbitMQFrames()
    /// Told when the broker asks publishers to wait (connection.blocked), for it is short of memory or of disk, and of nil when it takes
    /// messages again.
    var onBlocked: (String?) -> Void = { _ in }

    init(_ address: RabbitMQAddress, exchange: String, interruption: Interruption) {
        self.address = address
        self.exchange = AMQPName(exchange)
        self.interruption = interruption
    }

    deinit { close() }

    func close() {
        guard let state else { return }
        self.state = nil
        if reader.blocked != nil { onBlocked(nil) }
        reader = RabbitMQFrames()
        if descriptor >= 0 { interruption.closing(descriptor) }
        descriptor = -1
        amqp_destroy_connection(state)
    }

    // MARK: Opening

    /// Connects where that is not so, and makes the exchange where it is missing.
    func open() throws {
        if state != nil { return }
        try interruption.check()
        guard let made = amqp_new_connection() else { throw RabbitMQFailure("there is no memory for a connection to RabbitMQ") }
        state = made
        window = PublishWindow()
        do {
            try connect(made)
            try login(made)
        } catch {
            close()
            throw interruption.isInterrupted ? CancellationError() : error
        }
    }

    private func connect(_ state: amqp_connection_state_t) throws(RabbitMQFailure) {
        let socket =
            try address.tls.map { tls throws(RabbitMQFailure) in try tlsSocket(state, tls) } ?? amqp_tcp_socket_new(state)
        guard let socket else { throw RabbitMQFailure("there is no memory for a connection to RabbitMQ") }
        var timeout = timeval(tv_sec: Self.connectSeconds, tv_usec: 0)
        try check(amqp_socket_open_noblock(socket, address.host, Int32(address.port), &timeout), "cannot connect")
        descriptor = amqp_get_sockfd(state)
        interruption.opened(descriptor)
        var (yes, unsent): (CInt, CInt) = (1, Self.unsentMillisecondsMax)
        setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, socklen_t(MemoryLayout<CInt>.size))
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &unsent, socklen_t(MemoryLayout<CInt>.size))
    }

    private func tlsSocket(
        _ state: amqp_connection_state_t, _ tls: RabbitMQAddress.TLS
    ) throws(RabbitMQFailure) -> OpaquePointer {
        guard let socket = amqp_ssl_socket_new(state) else {
            throw RabbitMQFailure("there is no memory for a connection to RabbitMQ")
        }
        amqp_ssl_socket_set_verify_peer(socket, 1)
        amqp_ssl_socket_set_verify_hostname(socket, 1)
        try check(amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST), "cannot use TLS")
        try check(amqp_ssl_socket_set_cacert(socket, tls.authorities), "cannot use the certificates in \(tls.authorities)")
        if let own = tls.certificate {
            try check(
                amqp_ssl_socket_set_key(socket, own.file, own.key),
                "cannot use the certificate \(own.file) with the key \(own.key)")
        }
        return socket
    }

    private func login(_ state: amqp_connection_state_t) throws(RabbitMQFailure) {
        var timeout = timeval(tv_sec: Self.answerSeconds, tv_usec: 0)
        amqp_set_handshake_timeout(state, &timeout)
        amqp_set_rpc_timeout(state, &timeout)
        try check(
            okla_rabbitmq_login(
                state, address.virtualHost, Self.frameBytesMax, Int32(address.heartbeat), address.user, address.password),
            "does not let the service in")
        amqp_channel_open(state, Self.channel)
        try check(amqp_get_rpc_reply(state), "does not open a channel")
        amqp_confirm_select(state, Self.channel)
        try check(amqp_get_rpc_reply(state), "does not confirm what is published")
        amqp_exchange_declare(state, Self.channel, exchange.bytes, exchangeKind.bytes, 0, 1, 0, 0, amqp_empty_table)
        try check(amqp_get_rpc_reply(state), "does not have the durable topic exchange \(exchange.text), nor makes it")
    }

    // MARK: Publishing

    /// Publishes the messages at `places`, and tells of each what became of it, as soon as that is known. Where this throws, what became of the
    /// others is not known.
    ///
    /// - Throws: `RabbitMQFailure`, or `CancellationError` after an interruption.
    func publish(
        _ messages: RabbitMQMessages, _ places: [Int], onOutcome: (_ place: Int, PublishWindow.Outcome) -> Void
    ) throws {
        try open()
        do {
            try publishAll(messages, places, onOutcome)
        } catch {
            close()
            throw interruption.isInterrupted || Task.isCancelled ? CancellationError() : error
        }
    }

    private func publishAll(
        _ messages: RabbitMQMessages, _ places: [Int], _ onOutcome: (_ place: Int, PublishWindow.Outcome) -> Void
    ) throws {
        var next = places.startIndex
        while true {
            while try readFrame(within: 0, onOutcome) {}
            try interruption.check()
            try Task.checkCancellation()
            if next == places.endIndex, window.waitingCount == 0 { return }
            let mayPublish = next < places.endIndex && window.hasRoom && reader.blocked == nil
            if mayPublish, isReady(Int16(POLLOUT), within: 0) {
                try publishSome(messages, places, &next)
            } else if mayPublish {
                _ = isReady(Int16(POLLIN | POLLOUT), within: 1000)
            } else {
                _ = try readFrame(within: 1, onOutcome)
            }
        }
    }

    /// Bytes that a socket takes at once where it takes any: so nothing waits for the other side within the library.
    private static let bytesAtOnce = 16 << 10

    private func publishSome(_ messages: RabbitMQMessages, _ places: [Int], _ next: inout Int) throws(RabbitMQFailure) {
        guard let state else { return }
        var byteCount = 0
        while next < places.endIndex, window.hasRoom, byteCount < Self.bytesAtOnce {
            let message = messages.all[places[next]]
            let status = messages.bytes.withUnsafeBytes { bytes in
                func part(_ range: Range<Int>) -> amqp_bytes_t {
                    amqp_bytes_t(
                        len: range.count, bytes: UnsafeMutableRawPointer(mutating: bytes.baseAddress! + range.lowerBound))
                }
                return okla_rabbitmq_publish(
                    state, Self.channel, exchange.bytes, routingKeys[message.routingKey.place].bytes, part(message.body),
                    part(message.id), part(message.type), message.timestamp)
            }
            try check(status, "does not take a message")
            window.add(message: places[next], id: messages.bytes[message.id], byteCount: message.byteCount)
            byteCount += message.byteCount
            next += 1
        }
    }

    /// Answers heartbeats, and finds out whether the broker has closed the connection. To be called every second while nothing is published.
    func tend() {
        if state == nil { return }
        do { while try readFrame(within: 0, { _, _ in }) {} } catch { close() }
    }

    // MARK: Frames

    /// Reads what the broker sends; false: nothing came in time.
    private func readFrame(
        within seconds: Int, _ onOutcome: (_ place: Int, PublishWindow.Outcome) -> Void
    ) throws -> Bool {
        guard let state else { throw RabbitMQFailure("RabbitMQ at \(address.shown) has closed the connection") }
        var frame = amqp_frame_t()
        var timeout = timeval(tv_sec: seconds, tv_usec: 0)
        let status = amqp_simple_wait_frame_noblock(state, &frame, &timeout)
        if status == AMQP_STATUS_TIMEOUT.rawValue { return false }
        try check(status, "does not answer")
        let wasBlocked = reader.blocked
        let event = reader.take(frame)
        if reader.blocked != wasBlocked {
            onBlocked(reader.blocked.map { "RabbitMQ at \(address.shown) takes nothing at the moment: \($0)" })
        }
        switch event {
        case .nothing: break
        case .settled(let tag, let isMultiple, let isTaken):
            window.settle(tag, isMultiple: isMultiple, isTaken: isTaken, onOutcome)
        case .returned(let id): window.returned(id: id)
        case .closed(let reason): throw RabbitMQFailure("RabbitMQ at \(address.shown) says: \(reason)")
        }
        amqp_maybe_release_buffers(state)
        return true
    }

    private func isReady(_ events: Int16, within milliseconds: Int32) -> Bool {
        var one = pollfd(fd: descriptor, events: events, revents: 0)
        // An error is ready too: the next call to the library finds it.
        return poll(&one, 1, milliseconds) > 0
    }

    private func check(_ status: Int32, _ what: String) throws(RabbitMQFailure) {
        guard status != AMQP_STATUS_OK.rawValue else { return }
        let hint =
            status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue
            ? " (RabbitMQ.Url must have the host's name as its certificate has it; an address will not do)" : ""
        throw RabbitMQFailure("RabbitMQ at \(address.shown) \(what): \(String(cString: amqp_error_string2(status)))\(hint)")
    }

    private func check(_ reply: amqp_rpc_reply_t, _ what: String) throws(RabbitMQFailure) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            throw RabbitMQFailure(
                "RabbitMQ at \(address.shown) \(what): \(RabbitMQFrames.reason(of: reply.reply) ?? "it does not say why")")
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: try check(reply.library_error, what)
        default: throw RabbitMQFailure("RabbitMQ at \(address.shown) \(what): it closed the connection")
        }
    }
}

/// A name as the library takes it: memory that stays where it is.
private final class AMQPName {
    let text: String
    let bytes: amqp_bytes_t

    init(_ text: String) {
        self.text = text
        var utf8 = Array(text.utf8)
        bytes = utf8.withUnsafeMutableBytes { amqp_bytes_malloc_dup(amqp_bytes_t(len: $0.count, bytes: $0.baseAddress)) }
    }

    deinit { amqp_bytes_free(bytes) }
}

/// Why RabbitMQ did not take something. It is offered again, later.
struct RabbitMQFailure: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

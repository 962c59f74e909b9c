internal import KafkaProtocol
internal import Logging
internal import NIOCore

/// One connection: takes its requests one after the other, sends the answers in their order, and lets nobody take more than is meant for one.
///
/// A request is served when the one before it is answered; only Produce requests follow each other at once, each when the one before is on its way
/// to the log. Nothing is read while nothing more may be served.
///
/// Belongs to its event loop.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let router: RequestRouter
    private let logger: Logger
    private var frames = RequestFrames()
    private var answers = AnswerQueue<(answer: Answer, requestBytes: Int)>()
    private var login: Login
    /// A request is being served and the next one may not be.
    private var isServing = false
    /// Bytes of the budget that are there for the next request.
    private var grantedBytes = 0
    private var waitsForMemory = false
    private var hasAskedToRead = false
    private var isClosed = false
    /// Runs out when a request, or a login, takes too long to come.
    private var patience: Scheduled<Void>?

    /// Smaller requests are not counted: the connections' number bounds them.
    private static let countedBytesMin = 16 << 10

    private var limits: BrokerLimits { router.broker.limits }

    init(router: RequestRouter, logger: Logger) {
        self.router = router
        self.logger = logger
        login = Login(users: router.broker.settings.users)
    }

    // MARK: The channel

    func channelActive(context: ChannelHandlerContext) {
        if login.user == nil { beginPatience(context, "nobody has logged in") }
        process(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { frames.append(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) {
        hasAskedToRead = false
        process(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        process(context)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        patience?.cancel()
        if grantedBytes > 0 { router.broker.memory.give(grantedBytes) }
        grantedBytes = 0
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("a connection has failed", metadata: ["from": "\(address(context))", "reason": "\(error)"])
        context.close(promise: nil)
    }

    private func close(_ context: ChannelHandlerContext, _ reason: String) {
        if isClosed { return }
        isClosed = true
        router.broker.meters.refused()
        logger.debug("a connection was closed", metadata: ["from": "\(address(context))", "reason": "\(reason)"])
        context.close(promise: nil)
    }

    private func address(_ context: ChannelHandlerContext) -> String {
        context.remoteAddress?.ipAddress ?? "unknown"
    }

    // MARK: Requests

    /// Serves what is there, as far as that may be, and asks for more.
    private func process(_ context: ChannelHandlerContext) {
        while !isClosed, !isServing, !waitsForMemory, answers.count < limits.requestsInFlightMax, context.channel.isWritable {
            let bytesMax = login.user == nil ? limits.requestBytesBeforeLoginMax : limits.requestBytesMax
            switch frames.next(bytesMax: bytesMax) {
            case .refused(let reason): return close(context, reason)
            case .unknown: return read(context)
            case .length(let length, let isThere):
                guard hasMemory(for: length, context) else { return }
                guard isThere else {
                    if grantedBytes >= length { frames.reserve(length) }
                    return read(context)
                }
                if login.user != nil { endPatience() }
                let granted = grantedBytes
                grantedBytes = 0
                serve(frames.take(length), granted, context)
            }
        }
    }

    private func read(_ context: ChannelHandlerContext) {
        if !frames.isEmpty { beginPatience(context, "a request did not come to its end") }
        if hasAskedToRead { return }
        hasAskedToRead = true
        context.read()
    }

    private func hasMemory(for length: Int, _ context: ChannelHandlerContext) -> Bool {
        guard length >= Self.countedBytesMin, grantedBytes == 0 else { return true }
        let (this, loop) = (NIOLoopBound((self, context), eventLoop: context.eventLoop), context.eventLoop)
        let memory = router.broker.memory
        let isGranted = memory.take(length) {
            loop.execute {
                let (handler, context) = this.value
                handler.waitsForMemory = false
                if handler.isClosed { return memory.give(length) }
                handler.grantedBytes = length
                handler.process(context)
            }
        }
        if isGranted { grantedBytes = length } else { waitsForMemory = true }
        return isGranted
    }

    private func serve(_ frame: ByteBuffer, _ countedBytes: Int, _ context: ChannelHandlerContext) {
        let read = frame.withUnsafeReadableBytes { bytes in
            Result { () throws(KafkaProtocolError) in try RequestHeader.read(bytes) }
        }
        guard case .success(let (header, bodyStart)) = read else {
            router.broker.memory.give(countedBytes)
            if case .failure(let error) = read { close(context, "the beginning of a request: \(error)") }
            return
        }
        let slot = answers.reserve()
        guard let api = APIKey(rawValue: header.api), api == .apiVersions || api.versions.contains(header.version) else {
            return finish(
                slot, .close("a request \(header.api) of version \(header.version), which is not served"), countedBytes, context)
        }
        router.broker.meters.received(api, byteCount: frame.readableBytes)
        guard let user = login.user else {
            return finish(slot, answerBeforeLogin(api, header, frame, bodyStart, context), countedBytes, context)
        }
        let request = Request(
            header: header, bytes: frame, bodyStart: bodyStart,
            client: Request.Client(user: user, address: address(context), broker: broker(context)))
        if let answer = answerItself(api, request) { return finish(slot, answer, countedBytes, context) }
        isServing = true
        let (this, loop) = (NIOLoopBound((self, context), eventLoop: context.eventLoop), context.eventLoop)
        router.serve(api, request) {
            loop.execute {
                let (handler, context) = this.value
                handler.isServing = false
                handler.process(context)
            }
        } _: { answer in
            loop.execute {
                let (handler, context) = this.value
                handler.finish(slot, answer, countedBytes, context)
                handler.process(context)
            }
        }
    }

    /// Where clients find the broker again: as they have found it now.
    private func broker(_ context: ChannelHandlerContext) -> BrokerAddress {
        let settings = router.broker.settings
        return settings.advertised
            ?? BrokerAddress(
                host: context.localAddress?.ipAddress ?? settings.host, port: context.localAddress?.port ?? settings.port)
    }

    private func answerBeforeLogin(
        _ api: APIKey, _ header: RequestHeader, _ frame: ByteBuffer, _ bodyStart: Int, _ context: ChannelHandlerContext
    ) -> Answer {
        guard login.allows(api) else { return .close("a request \(api) of somebody who has not logged in") }
        let request = Request(
            header: header, bytes: frame, bodyStart: bodyStart,
            client: Request.Client(user: .anyone, address: address(context), broker: broker(context)))
        return answerItself(api, request) ?? .close("a request \(api) of somebody who has not logged in")
    }

    /// What is about the connection alone.
    private func answerItself(_ api: APIKey, _ request: Request) -> Answer? {
        do throws(KafkaProtocolError) {
            switch api {
            case .apiVersions: return try answerVersions(request)
            case .saslHandshake:
                return Answer(login.handshake(try request.decode(SASLHandshakeRequest.self)), to: request.header)
            case .saslAuthenticate:
                let response = login.authenticate(try request.decode(SASLAuthenticateRequest.self))
                if login.user != nil { endPatience() }
                return Answer(response, to: request.header)
            default: return nil
            }
        } catch {
            return request.malformed(error)
        }
    }

    private func answerVersions(_ request: Request) throws(KafkaProtocolError) -> Answer {
        if APIKey.apiVersions.versions.contains(request.header.version) {
            _ = try request.decode(APIVersionsRequest.self)
            return Answer(ServedVersions.response(), to: request.header)
        }
        // A client of a later day asks again by what is said here, in the oldest version.
        var header = request.header
        header.version = 0
        return Answer(ServedVersions.response(.unsupportedVersion), to: header)
    }

    // MARK: Answers

    private func finish(_ slot: Int, _ answer: Answer, _ countedBytes: Int, _ context: ChannelHandlerContext) {
        for (answer, requestBytes) in answers.fill(slot, (answer, countedBytes)) {
            let memory = router.broker.memory
            if requestBytes > 0 { memory.give(requestBytes) }
            let onDone = answer.onDone
            guard case .bytes(let pieces) = answer.kind, !isClosed else {
                onDone?()
                if case .close(let reason) = answer.kind { close(context, reason) }
                continue
            }
            router.broker.meters.sent(byteCount: pieces.reduce(0) { $0 + $1.readableBytes })
            for piece in pieces.dropLast() { context.write(wrapOutboundOut(piece), promise: nil) }
            let sent = context.eventLoop.makePromise(of: Void.self)
            if let onDone { sent.futureResult.whenComplete { _ in onDone() } }
            context.writeAndFlush(wrapOutboundOut(pieces[pieces.count - 1]), promise: sent)
        }
    }

    // MARK: Time

    private func beginPatience(_ context: ChannelHandlerContext, _ reason: String) {
        guard patience == nil else { return }
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        patience = context.eventLoop.scheduleTask(in: .seconds(Int64(limits.requestSecondsMax))) {
            let (handler, context) = this.value
            handler.close(context, reason)
        }
    }

    private func endPatience() {
        patience?.cancel()
        patience = nil
    }
}

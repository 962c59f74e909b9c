internal import Ingestion
internal import NIOCore
internal import NIOHTTP1

/// Takes events: a request to one of their addresses is read, prepared and answered here, on its connection's event loop and
/// without a task. Everything else goes on to the framework behind it, when it is its turn.
final class EventsHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whose the parts are that come in.
    private enum Receiver {
        case framework
        case us(EventsArrival, Turn)
        /// The request was answered before it was complete, or comes behind the last one.
        case nobody
    }

    /// What goes on to the framework.
    private enum Passed {
        case part(HTTPServerRequestPart)
        case error(any Error)
        case event(Any)
    }

    private typealias Turn = AnswerOrder<Answer, Passed>.Turn

    /// Of all connections of the loop, in one round. More go to the log at once, which takes so much and refuses the rest.
    private static let preparedBytesMax = 1 << 20

    private let edge: EventsEdge
    private let connection: Connection
    /// Nil once the connection has closed. What is being committed then goes on; its answer is nobody's any more.
    private var context: ChannelHandlerContext?
    private var order = AnswerOrder<Answer, Passed>()
    private var receiver = Receiver.framework
    /// Requests from here on are neither taken nor answered: the connection ends before their turn.
    private var takesNoMore = false
    private var isProceeding = false
    /// As the channel last said it. Asking it for each answer takes longer than the rest of a turn.
    private var isWritable = true
    private var isReadHeldBack = false
    /// The peer's address, once a request needed it.
    private var peer: IPAddress?

    init(_ edge: EventsEdge, _ connection: Connection) {
        self.edge = edge
        self.connection = connection
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        receiver = .nobody
        context.fireChannelInactive()
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = Self.unwrapInboundIn(data)
        switch part {
        case .head(let head):
            if let request = EventsRequest(head) { begin(request) } else { receiver = takesNoMore ? .nobody : .framework }
            if case .framework = receiver { pass(.part(part), beginsRequest: true) }
        case .body(let bytes):
            switch receiver {
            case .framework: pass(.part(part))
            case .us, .nobody: collect(bytes)
            }
        case .end:
            if case .framework = receiver { pass(.part(part)) } else { end() }
        }
    }

    /// A request begins, whether it was decoded or not (`UsualReader`).
    func begin(_ request: EventsRequest) {
        receiver = .nobody
        guard !takesNoMore else { return }
        let turn = order.begin()
        do throws(IngestError) {
            receiver = .us(try EventsArrival(request, edge), turn)
        } catch {
            answerEarly(turn, request, error)
        }
    }

    /// The rest of the request is read to nowhere.
    private func answerEarly(_ turn: Turn, _ request: EventsRequest, _ error: IngestError) {
        connection.state.answeredEarly()
        answer(turn, request, .failure(error))
    }

    /// A piece of its body came.
    func collect(_ bytes: ByteBuffer) {
        guard case .us(let arrival, let turn) = receiver else { return }
        do throws(IngestError) {
            try arrival.add(bytes)
        } catch {
            receiver = .nobody
            answerEarly(turn, arrival.request, error)
        }
    }

    /// It is complete.
    func end() {
        guard case .us(let arrival, let turn) = exchange(&receiver, with: .framework), let context else { return }
        take(arrival, turn, context)
    }

    private func take(_ arrival: EventsArrival, _ turn: Turn, _ context: ChannelHandlerContext) {
        let peer = peer ?? context.channel.remoteAddress?.ipAddress.flatMap(IPAddress.init(_:)) ?? IPAddress(ipv4: 0)
        self.peer = peer
        do throws(IngestError) {
            let prepared = try arrival.prepare(peer: peer)
            let request = PreparedArrival(
                handler: NIOLoopBound(self, eventLoop: context.eventLoop), turn: turn,
                arrival: NIOLoopBound(arrival, eventLoop: context.eventLoop), prepared: prepared,
                inbox: connection.watch.inbox)
            guard connection.watch.preparedByteCount + prepared.byteCount <= Self.preparedBytesMax else {
                return request.commit()
            }
            connection.watch.preparedByteCount += prepared.byteCount
            // Behind what else the loop has just read: the log is woken once for all of it.
            connection.watch.inbox.execute { request.commitHeldBack() }
        } catch {
            answer(turn, arrival.request, .failure(error))
        }
    }

    private func answer(_ turn: Turn, _ request: EventsRequest, _ result: Result<IngestReport, IngestError>) {
        guard context != nil else { return }
        let answer = Answer(to: request, result, cors: edge.cors)
        if answer.isLast { takesNoMore = true }
        order.answer(turn, answer)
        proceed()
        guard order.isWaiting(turn) else { return }
        connection.state.answerWaits(byteCount: answer.body.count)
        connection.report()
    }

    // MARK: In turn

    private func pass(_ passed: Passed, beginsRequest: Bool = false) {
        order.passOn(passed, beginsRequest: beginsRequest)
        proceed()
    }

    /// Does everything whose turn it is. Answers that nobody takes stay here, where they keep further requests out.
    private func proceed() {
        guard !isProceeding, let context else { return }
        isProceeding = true
        var hasPassed = false
        while let step = order.next(mayAnswer: isWritable) {
            switch step {
            case .answer(let answer):
                connection.write(answer)
                // A client that takes its answers makes room for more at once.
                if !isWritable { connection.flush() }
            case .passOn(let passed):
                // It may end the connection.
                connection.flush()
                hasPassed = true
                switch passed {
                case .part(let part): context.fireChannelRead(Self.wrapInboundOut(part))
                case .error(let error): context.fireErrorCaught(error)
                case .event(is ChannelShouldQuiesceEvent) where order.frameworkIsIdle && connection.hasUntakenBytes:
                    // The framework would close, and what is on its way would be lost.
                    connection.end()
                case .event(let event): context.fireUserInboundEventTriggered(event)
                }
            }
        }
        connection.flush()
        // It may have waited since a read that is long complete.
        if hasPassed { context.fireChannelReadComplete() }
        isProceeding = false
        if isReadHeldBack { read(context: context) }
    }

    /// Reads on only where there is room for what comes: behind requests that wait, it would lie here.
    func read(context: ChannelHandlerContext) {
        isReadHeldBack = order.isHoldingBack || !connection.state.hasRoomForRequests
        if !isReadHeldBack { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
        guard case .end = Self.unwrapOutboundIn(data) else { return }
        order.frameworkAnswered()
        proceed()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        proceed()
        context.fireChannelWritabilityChanged()
    }

    // MARK: What ends a connection

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return pass(.error(error)) }
        switch exchange(&receiver, with: .nobody) {
        case .framework: pass(.error(error))
        case .us(let arrival, let turn):
            let error = IngestError(.invalidBody, "the body ended early, or its chunks are malformed")
            answer(turn, arrival.request, .failure(error))
        // It has its answer.
        case .nobody: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            takesNoMore = true
            pass(.event(event))
        case ChannelEvent.inputClosed:
            pass(.event(event))
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }
}

extension EventsHandler {
    /// A request that was prepared and has no answer yet. On its loop alone.
    private final class PreparedArrival: Sendable {
        private let handler: NIOLoopBound<EventsHandler>
        private let turn: Turn
        private let arrival: NIOLoopBound<EventsArrival>
        private let prepared: PreparedRequest
        private let inbox: LoopInbox

        init(
            handler: NIOLoopBound<EventsHandler>, turn: Turn, arrival: NIOLoopBound<EventsArrival>, prepared: PreparedRequest,
            inbox: LoopInbox
        ) {
            self.handler = handler
            self.turn = turn
            self.arrival = arrival
            self.prepared = prepared
            self.inbox = inbox
        }

        func commit() { arrival.value.pipeline.commit(prepared, on: inbox) { self.answer($0) } }

        /// `commit`, for one that was counted among those held back.
        func commitHeldBack() {
            handler.value.connection.watch.preparedByteCount -= prepared.byteCount
            commit()
        }

        private func answer(_ result: Result<IngestReport, IngestError>) {
            handler.value.answer(turn, arrival.value.request, result)
        }
    }
}

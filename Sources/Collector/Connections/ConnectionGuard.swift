internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Behind the decoder: lets requests through as long as the connection's state takes them, and sees their answers.
/// Brings the handler beside the socket along.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let watches: ConnectionWatches
    private var connection: Connection?
    private var merge = BodyMerge()

    init(_ watches: ConnectionWatches) { self.watches = watches }

    func handlerAdded(context: ChannelHandlerContext) {
        let connection = Connection(limits: watches.limits, watch: watches.watch(of: context.eventLoop))
        self.connection = connection
        do {
            try watches.limits.apply(to: context.channel)
            try context.pipeline.syncOperations.addHandler(ConnectionBytesHandler(connection), position: .first)
        } catch {
            // The channel closed meanwhile.
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let connection else { return }
        let now = connection.watch.now
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            forwardBody(context)
            let asksForUpgrade = head.method == .connect || head.headerFields[.upgrade] != nil
            if connection.state.requestHead(asksForUpgrade: asksForUpgrade, now: now) { context.fireChannelRead(data) }
        case .body(let bytes):
            guard connection.state.input != .ended else { return }
            if let complete = merge.add(bytes) { forward(complete, context) }
        case .end:
            forwardBody(context)
            if connection.state.requestEnd(now: now) { context.fireChannelRead(data) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        forwardBody(context)
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        forwardBody(context)
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        forwardBody(context)
        guard let parserError = error as? HTTPParserError, let connection, context.channel.isActive else {
            return context.fireErrorCaught(error)
        }
        let refusal: Refusal = parserError == .headerOverflow ? .headersTooLarge : .malformed
        let action = connection.state.malformed(refusal, now: connection.watch.now)
        if action == .none { context.fireErrorCaught(error) } else { connection.perform(action) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let connection else { return context.write(data, promise: promise) }
        switch Self.unwrapOutboundIn(data) {
        case .head(var head):
            let isLast = head.headerFields[.connection]?.lowercased() == "close"
            guard connection.state.answerHead(isLast: isLast) else { return context.write(data, promise: promise) }
            head.headerFields[.connection] = "close"
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            context.writeAndFlush(data, promise: promise)
            connection.perform(connection.state.answerEnd(now: connection.watch.now))
            connection.report()
        }
    }

    private func forwardBody(_ context: ChannelHandlerContext) {
        if let bytes = merge.take() { forward(bytes, context) }
    }

    private func forward(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        context.fireChannelRead(Self.wrapInboundOut(.body(bytes)))
    }
}

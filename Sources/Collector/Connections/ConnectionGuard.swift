internal import Ingestion
internal import NIOCore
internal import NIOHTTP1

/// Behind the decoder: lets requests through as long as the connection's state takes them, and sees the framework's answers.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: Connection
    private var merge = BodyMerge()
    /// Whether the decoder goes on behind the request that comes in.
    private var isFollowed = false

    init(_ connection: Connection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = connection.watch.now
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            forwardBody(context)
            let asksForUpgrade = head.method == .CONNECT || head.headers.contains(name: "upgrade")
            isFollowed = head.isKeepAlive && !asksForUpgrade
            let bodyMayBeLong = head.method == .POST && EventsAddress(uri: head.uri)?.endpoint == .segmentBatch
            if connection.state.requestHead(asksForUpgrade: asksForUpgrade, bodyMayBeLong: bodyMayBeLong, now: now) {
                context.fireChannelRead(data)
            }
        case .body(let bytes):
            guard connection.state.input != .ended else { return }
            if let complete = merge.add(bytes) { forward(complete, context) }
        case .end:
            connection.decoderEnded = isFollowed
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
        guard let parserError = error as? HTTPParserError, context.channel.isActive else {
            return context.fireErrorCaught(error)
        }
        let refusal: Refusal = parserError == .headerOverflow ? .headersTooLarge : .malformed
        let action = connection.state.malformed(refusal, now: connection.watch.now)
        if action == .none { context.fireErrorCaught(error) } else { connection.perform(action) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch Self.unwrapOutboundIn(data) {
        case .head(var head):
            let isLast = head.headers.first(name: "connection")?.lowercased() == "close"
            guard connection.state.answerHead(isLast: isLast) else { return context.write(data, promise: promise) }
            head.headers.replaceOrAdd(name: "Connection", value: "close")
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

internal import NIOCore

/// Beside the socket: counts bytes, and keeps those of an ended connection from the decoder.
final class ConnectionBytesHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) { connection.open(context) }
    func handlerRemoved(context: ChannelHandlerContext) { connection.close() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = connection.watch.now
        guard connection.state.bytesReceived(Self.unwrapInboundIn(data).readableBytes, now: now) else { return }
        context.fireChannelRead(data)
        connection.perform(connection.state.bytesDecoded(now: now))
        connection.report()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if connection.state.finishedSince != nil { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        connection.state.bytesWritten(Self.unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .outputClosed? = event as? ChannelEvent {
            connection.state.outputClosed(now: connection.watch.now)
            context.read()
        }
        context.fireUserInboundEventTriggered(event)
    }
}

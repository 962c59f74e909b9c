internal import NIOCore
internal import NIOHTTP1

/// Beside the socket: counts bytes, keeps those of an ended connection from the decoder, and usual requests that take events,
/// which it hands on past it.
final class ConnectionBytesHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let connection: Connection
    private let events: EventsHandler
    private var reader: UsualReader
    /// Whether anything of the last read went to the decoder.
    private var hasDecoded = false

    init(_ connection: Connection, _ events: EventsHandler) {
        self.connection = connection
        self.events = events
        let limits = connection.state.limits
        reader = UsualReader(headBytesMax: limits.headerBytesMax, fieldsMax: limits.headerFieldsMax)
    }

    func handlerAdded(context: ChannelHandlerContext) { connection.open(context) }
    func handlerRemoved(context: ChannelHandlerContext) { connection.close() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = connection.watch.now
        var bytes = Self.unwrapInboundIn(data)
        guard connection.state.bytesReceived(bytes.readableBytes, now: now) else { return }
        // Nothing is read behind an end; after an error, the decoder would take more of it for another.
        while connection.state.input != .ended, let step = reader.next(&bytes) {
            switch step {
            case .head(let request):
                if connection.state.requestHead(now: now) { events.begin(request) }
            case .body(let piece):
                events.collect(piece)
            case .end:
                if connection.state.requestEnd(now: now) { events.end() }
            case .decode(let piece):
                decode(piece, isLast: bytes.readableBytes == 0, context)
            }
        }
        connection.perform(connection.state.bytesDecoded(now: now))
        connection.report()
    }

    private func decode(_ piece: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        hasDecoded = true
        connection.decoderEnded = false
        context.fireChannelRead(Self.wrapInboundOut(piece))
        if isLast && connection.decoderEnded { reader.decoderEnded() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Those behind have nothing to complete where nothing came.
        if exchange(&hasDecoded, with: false) { context.fireChannelReadComplete() }
        if connection.state.finishedSince != nil { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        connection.state.bytesWritten(Self.unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? ChannelEvent {
        case .outputClosed?:
            connection.state.outputClosed(now: connection.watch.now)
            context.read()
        // As the decoder says it of what it reads itself.
        case .inputClosed? where reader.isInBody: context.fireErrorCaught(HTTPParserError.invalidEOFState)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }
}

internal import NIOCore

/// One connection on its event loop: its state, and the hand that does what the state decides. Two handlers tell it what
/// happens, one beside the socket (bytes), one behind the decoder (requests and answers).
final class Connection {
    var state: ConnectionState
    let watch: LoopWatch
    /// Among the watch's connections; nil where it is none of them.
    var place: Int?
    /// Of the handler beside the socket; nil before and after.
    private var context: ChannelHandlerContext?
    /// How much of what the state holds the watch knows of.
    private var reportedByteCount = 0

    init(limits: ConnectionLimits, watch: LoopWatch) {
        self.watch = watch
        state = ConnectionState(limits: limits, now: watch.now)
    }

    func open(_ context: ChannelHandlerContext) {
        self.context = context
        watch.add(self)
    }

    func close() {
        context = nil
        watch.remove(self, heldByteCount: reportedByteCount)
    }

    func perform(_ action: ConnectionState.Action) {
        guard let context else { return }
        switch action {
        case .none:
            break
        case .refuse(let refusal):
            let bytes = refusal.bytes
            state.bytesWritten(bytes.readableBytes)
            context.writeAndFlush(NIOAny(IOData.byteBuffer(bytes)), promise: nil)
            if refusal.closesAtOnce { context.close(promise: nil) } else { finish(context) }
        case .finish:
            finish(context)
        case .close:
            context.close(promise: nil)
        }
    }

    private func finish(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        // From here on nobody behind this handler asks for more.
        context.read()
    }

    /// Tells the watch what is held now, and lets it make room.
    func report() {
        let change = state.heldByteCount - reportedByteCount
        guard change != 0, context != nil else { return }
        reportedByteCount += change
        watch.heldBytesChanged(by: change)
    }

    func tick(isCrowded: Bool) {
        perform(state.tick(now: watch.now, untakenByteCount: untakenByteCount, isCrowded: isCrowded))
        report()
    }

    func evict() {
        perform(state.evict(now: watch.now))
        // Its memory is as good as free, and the watch must not look for more.
        close()
    }

    private var untakenByteCount: Int {
        guard state.awaitsTaking, let options = context?.channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0
    }
}

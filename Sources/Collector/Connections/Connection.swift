internal import NIOCore

/// One connection on its event loop: its state, and the hand that does what the state decides. Two handlers tell it what
/// happens, one beside the socket (bytes), one behind the decoder (requests, and the framework's answers). Answers that we
/// give ourselves it writes past both.
final class Connection {
    var state: ConnectionState
    let watch: LoopWatch
    /// Among the watch's connections; nil where it is none of them.
    var place: Int?
    /// Whether the last that the decoder made of its bytes was the end of a request behind which others may come.
    var decoderEnded = false
    /// Of the handler beside the socket; nil before and after.
    private var context: ChannelHandlerContext?
    private var hasUnflushedAnswers = false
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
            write(refusal.answer, context)
            context.flush()
            if refusal.closesAtOnce { context.close(promise: nil) } else { finish(context) }
        case .finish:
            finish(context)
        case .close:
            context.close(promise: nil)
        }
    }

    /// Writes an answer that no route of the framework gives; nothing once the connection has ended. Flush behind it.
    func write(_ answer: Answer) {
        guard let context, state.finishedSince == nil else { return }
        var answer = answer
        if state.answerHead(isLast: answer.isLast) { answer.isLast = true }
        write(answer, context)
        hasUnflushedAnswers = true
        let action = state.answerEnd(now: watch.now)
        guard action != .none else { return }
        flush()
        perform(action)
    }

    /// Whether the client has not taken all that was written.
    var hasUntakenBytes: Bool { untakenByteCount > 0 }

    /// The service ends, and with it the connection, behind what was written.
    func end() { perform(state.end(now: watch.now)) }

    /// Sends what `write` has written.
    func flush() {
        guard hasUnflushedAnswers else { return }
        hasUnflushedAnswers = false
        context?.flush()
        report()
    }

    private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
        let bytes = answer.bytes(date: watch.dateText())
        state.bytesWritten(bytes.readableBytes)
        context.write(ConnectionBytesHandler.wrapOutboundOut(.byteBuffer(bytes)), promise: nil)
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

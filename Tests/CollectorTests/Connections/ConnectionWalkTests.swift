import Collector
import Testing
import TestSupport

/// The state machine's invariants (see `ConnectionState`) on long random walks: a client that sends, stalls, pipelines and
/// lies at random, and a service that answers when it likes.
@Suite struct ConnectionWalkTests {
    /// What the walk knows of the connection, kept beside the state and compared with it.
    struct Walk {
        var random: SeededGenerator
        var state: ConnectionState
        var now = 0
        var isReceiving = false
        /// Requests handed on whose answer has not ended.
        var owed = 0
        var isAnswering = false
        var isEnded = false
        var isFinished = false
        /// Some requests are answered before they are complete.
        var isHasty = true
        var refusals = 0
        var written = 0
        let pipelinedMax: Int

        init(seed: UInt64, limits: ConnectionLimits) {
            random = SeededGenerator(seed: seed)
            pipelinedMax = limits.pipelinedRequestsMax
            state = ConnectionState(limits: limits, now: 0)
        }

        mutating func chance(_ one: Int, in all: Int) -> Bool { Int.random(in: 0..<all, using: &random) < one }

        mutating func act(_ action: ConnectionState.Action) {
            switch action {
            case .none:
                // A refusal that waits for the answers before it.
                if state.input == .ended { isEnded = true }
                return
            case .refuse:
                #expect(!isFinished && !isAnswering, "a refusal comes into an answer, or behind the end")
                refusals += 1
                isFinished = true
            case .finish:
                #expect(!isFinished, "the end comes twice")
                isFinished = true
            case .close: isFinished = true
            }
            isEnded = true
        }

        mutating func receive() {
            let isTaken = state.bytesReceived(Int.random(in: 1...200, using: &random), now: now)
            #expect(isTaken == !isEnded, "bytes are decoded until the end, and never after it")
            guard isTaken else { return }
            for _ in 0..<Int.random(in: 0...3, using: &random) where !isEnded { decode() }
            act(state.bytesDecoded(now: now))
        }

        mutating func decode() {
            if isReceiving {
                isReceiving = false
                let isComplete = state.requestEnd(now: now)
                #expect(isComplete)
                if state.input == .ended { isEnded = true }
            } else if chance(1, in: 40) {
                act(state.malformed(.malformed, now: now))
                isEnded = true
            } else {
                let isTaken = state.requestHead(asksForUpgrade: chance(1, in: 40), now: now)
                #expect(isTaken == (owed < pipelinedMax), "as many requests wait as may")
                guard isTaken else {
                    isEnded = true
                    return
                }
                owed += 1
                isReceiving = true
            }
        }

        mutating func answer() {
            guard !isFinished else { return }
            if isAnswering {
                isAnswering = false
                owed -= 1
                act(state.answerEnd(now: now))
            } else if state.unanswered > (isReceiving ? 1 : 0) || (state.unanswered > 0 && isHasty && chance(1, in: 5)) {
                // Mostly a request is answered when it is complete.
                // A request that was refused in its body is owed nothing.
                owed = state.unanswered
                isAnswering = true
                _ = state.answerHead(isLast: chance(1, in: 20))
                state.bytesWritten(100)
                written += 100
            }
        }
    }

    @Test(arguments: 1...200)
    func theInvariantsHold(_ seed: Int) {
        var limits = ConnectionLimits(bodyBytesMax: 50)
        limits.pipelinedRequestsMax = 3
        limits.headerBytesMax = 300
        var walk = Walk(seed: UInt64(seed), limits: limits)
        for _ in 0..<400 {
            switch Int.random(in: 0..<100, using: &walk.random) {
            case 0..<50: walk.receive()
            case 50..<90: walk.answer()
            case 90: walk.act(walk.state.evict(now: walk.now))
            default:
                walk.now += 1
                let untaken = walk.chance(1, in: 3) ? Int.random(in: 0...walk.written, using: &walk.random) : 0
                walk.act(walk.state.tick(now: walk.now, untakenByteCount: untaken))
            }
            #expect(walk.state.unanswered <= limits.pipelinedRequestsMax)
            #expect(walk.state.heldByteCount >= 0)
        }
        // However it went on, it comes to an end by itself once the client is silent and the service has answered.
        walk.isHasty = false
        for _ in 0..<100 { walk.answer() }
        for _ in 0..<100 {
            walk.now += 1
            walk.act(walk.state.tick(now: walk.now, untakenByteCount: 0))
        }
        #expect(walk.isFinished)
        #expect(walk.refusals <= 1)
        let isTaken = walk.state.bytesReceived(1, now: walk.now)
        #expect(!isTaken)
    }
}

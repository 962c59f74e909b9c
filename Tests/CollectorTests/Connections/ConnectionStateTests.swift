import Collector
import Testing

/// Requests and answers: what is taken, what is refused, and when the connection ends.
@Suite struct ConnectionStateTests {
    static let limits: ConnectionLimits = {
        var limits = ConnectionLimits(bodyBytesMax: 1000)
        limits.pipelinedRequestsMax = 3
        limits.requestOverheadBytes = 100
        return limits
    }()

    static func open(_ limits: ConnectionLimits = limits) -> ConnectionState { ConnectionState(limits: limits, now: 0) }

    /// A whole request in one read.
    static func request(_ state: inout ConnectionState, bytes: Int = 50, now: Int = 0) -> Bool {
        let isDecoded = state.bytesReceived(bytes, now: now)
        let isTaken = isDecoded && state.requestHead(now: now)
        let isComplete = state.requestEnd(now: now)
        #expect(isTaken == isComplete)
        #expect(state.bytesDecoded(now: now) == .none)
        return isTaken
    }

    static func answer(_ state: inout ConnectionState, isLast: Bool = false, now: Int = 0) -> ConnectionState.Action {
        _ = state.answerHead(isLast: isLast)
        return state.answerEnd(now: now)
    }

    @Test func requestsAndAnswersAlternate() {
        var state = Self.open()
        for now in 0..<5 {
            #expect(Self.request(&state, now: now) == true)
            #expect(state.unanswered == 1)
            #expect(Self.answer(&state, now: now) == .none)
            #expect(state.input == .idle && state.unanswered == 0)
        }
    }

    @Test func headersAboveTheLimitAreRefused() {
        var state = Self.open()
        #expect(state.bytesReceived(Self.limits.headerBytesMax, now: 0) == true)
        #expect(state.bytesDecoded(now: 0) == .none)
        #expect(state.bytesReceived(1, now: 0) == true)
        #expect(state.bytesDecoded(now: 0) == .refuse(.headersTooLarge))
        #expect(state.bytesReceived(1, now: 0) == false)
    }

    @Test func headersThatCameWithALargeBodyAreNot() {
        var state = Self.open()
        #expect(state.bytesReceived(Self.limits.headerBytesMax + 1, now: 0) == true)
        #expect(state.requestHead(now: 0) == true)
        #expect(state.bytesDecoded(now: 0) == .none)
    }

    @Test func aBodyWithLittleContentInManyBytesIsRefused() {
        var state = Self.open()
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        #expect(state.bytesReceived(8 * 1000 + Self.limits.headerBytesMax, now: 0) == true)
        #expect(state.bytesDecoded(now: 0) == .none)
        #expect(state.bytesReceived(1, now: 0) == true)
        #expect(state.bytesDecoded(now: 0) == .refuse(.bodyTooLarge))
    }

    @Test func whatIsNoHTTPIsRefusedAtOnceWhereNoAnswerIsOwed() {
        var state = Self.open()
        _ = state.bytesReceived(5, now: 0)
        #expect(state.malformed(.malformed, now: 0) == .refuse(.malformed))
        #expect(state.bytesReceived(5, now: 0) == false)
        #expect(state.malformed(.malformed, now: 0) == .none, "only once")
    }

    @Test func whatIsNoHTTPWaitsForTheAnswersBeforeIt() {
        var state = Self.open()
        #expect(Self.request(&state) == true)
        #expect(state.malformed(.malformed, now: 0) == .none)
        #expect(state.bytesReceived(5, now: 0) == false)
        #expect(Self.answer(&state) == .none)
        #expect(Self.answer(&state, isLast: true) == .finish, "the 400 that the framework gives")
    }

    @Test func oneRequestTooManyEndsTheConnectionAfterThoseBeforeIt() {
        var state = Self.open()
        for _ in 0..<3 { #expect(Self.request(&state) == true) }
        #expect(state.bytesReceived(50, now: 0) == true)
        #expect(state.requestHead(now: 0) == false)
        #expect(state.requestEnd(now: 0) == false)
        for _ in 0..<2 {
            #expect(state.answerHead(isLast: false) == false)
            #expect(state.answerEnd(now: 0) == .none)
        }
        #expect(state.answerHead(isLast: false) == true, "the last answer says so")
        #expect(state.answerEnd(now: 0) == .finish)
    }

    @Test func answersMakeRoomForFurtherRequests() {
        var state = Self.open()
        for _ in 0..<3 { #expect(Self.request(&state) == true) }
        for _ in 0..<10 {
            #expect(Self.answer(&state) == .none)
            #expect(Self.request(&state) == true)
        }
    }

    @Test func nothingIsReadBehindARequestForAnotherProtocol() {
        var state = Self.open()
        _ = state.bytesReceived(50, now: 0)
        #expect(state.requestHead(asksForUpgrade: true, now: 0) == true)
        #expect(state.requestEnd(now: 0) == true)
        #expect(state.bytesReceived(1, now: 0) == false)
        #expect(state.answerHead(isLast: false) == true)
        #expect(state.answerEnd(now: 0) == .finish)
    }

    @Test func anAnswerThatSaysCloseIsTheLast() {
        var state = Self.open()
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        #expect(Self.answer(&state, isLast: true) == .finish)
        #expect(state.bytesReceived(50, now: 0) == false)
        #expect(Self.answer(&state) == .none, "and no second end")
    }

    @Test func aRefusedBodyLeavesTheAnswersBeforeItAlone() {
        var state = Self.open()
        #expect(Self.request(&state) == true)
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        _ = state.bytesReceived(100_000, now: 0)
        #expect(state.bytesDecoded(now: 0) == .none)
        #expect(state.bytesReceived(1, now: 0) == false)
        #expect(Self.answer(&state) == .finish)
    }

    @Test func aBodyRefusedWhileTheAnswerBeforeItIsGivenOwesNothing() {
        var state = Self.open()
        #expect(Self.request(&state) == true)
        _ = state.answerHead(isLast: false)
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        _ = state.bytesReceived(100_000, now: 0)
        #expect(state.bytesDecoded(now: 0) == .none)
        #expect(state.answerEnd(now: 0) == .finish)
    }

    @Test func badChunksOfARequestThatIsAnsweredUnreadGetNoSecondAnswer() {
        var state = Self.open()
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        #expect(state.malformed(.malformed, now: 0) == .none)
        #expect(state.answerHead(isLast: false) == true)
        #expect(state.answerEnd(now: 0) == .finish)
    }

    @Test func aRefusalNeverFollowsTheAnswerToTheSameRequest() {
        var state = Self.open()
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        #expect(Self.answer(&state) == .none)
        _ = state.bytesReceived(100_000, now: 0)
        #expect(state.bytesDecoded(now: 0) == .finish)
    }

    @Test func aRefusalNeverComesIntoAnAnswer() {
        var state = Self.open()
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        _ = state.answerHead(isLast: false)
        _ = state.bytesReceived(100_000, now: 0)
        #expect(state.bytesDecoded(now: 0) == .none)
        #expect(state.answerEnd(now: 0) == .finish)
    }

    // MARK: What is held

    @Test func bytesAreHeldUntilTheAnswer() {
        var state = Self.open()
        _ = state.bytesReceived(60, now: 0)
        #expect(state.heldByteCount == 60)
        _ = state.requestHead(now: 0)
        #expect(state.heldByteCount == 160)
        _ = state.bytesReceived(40, now: 0)
        _ = state.requestEnd(now: 0)
        #expect(state.heldByteCount == 200)
        _ = Self.answer(&state)
        #expect(state.heldByteCount == 0)
    }

    @Test func ofManyRequestsTheAverageGoesWithEachAnswer() {
        var state = Self.open()
        for _ in 0..<3 { _ = Self.request(&state, bytes: 50) }
        #expect(state.heldByteCount == 450)
        _ = Self.answer(&state)
        #expect(state.heldByteCount == 300)
        _ = state.bytesReceived(7, now: 0)
        _ = Self.answer(&state)
        _ = Self.answer(&state)
        #expect(state.heldByteCount == 7, "headers that have begun")
    }

    @Test func anAnswerThatWaitsIsHeldUntilItLeaves() {
        var state = Self.open()
        for _ in 0..<2 { _ = Self.request(&state, bytes: 50) }
        state.answerWaits(byteCount: 1000)
        #expect(state.heldByteCount == 2 * 150 + 1000)
        _ = Self.answer(&state)
        #expect(state.heldByteCount == (2 * 150 + 1000) / 2)
        _ = Self.answer(&state)
        #expect(state.heldByteCount == 0)
    }

    @Test func nothingIsHeldOfABodyThatComesAfterItsAnswer() {
        var state = Self.open()
        _ = state.bytesReceived(50, now: 0)
        _ = state.requestHead(now: 0)
        _ = Self.answer(&state)
        _ = state.bytesReceived(5000, now: 0)
        _ = state.requestEnd(now: 0)
        #expect(state.heldByteCount == 0)
    }
}

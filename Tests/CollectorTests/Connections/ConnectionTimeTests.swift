import Collector
import Testing

/// Deadlines and eviction, second by second.
@Suite struct ConnectionTimeTests {
    static let limits = ConnectionLimits(bodyBytesMax: 32_768)

    static func open() -> ConnectionState { ConnectionState(limits: limits, now: 0) }

    /// A state whose request's headers are complete at `now`.
    static func receivingBody(now: Int = 0) -> ConnectionState {
        var state = open()
        _ = state.bytesReceived(50, now: now)
        _ = state.requestHead(now: now)
        return state
    }

    /// The first tick at which something is done, and what.
    static func first(
        _ state: inout ConnectionState, from: Int = 1, to: Int = 200, untaken: Int = 0, isCrowded: Bool = false,
        each: (inout ConnectionState, Int) -> Void = { _, _ in }
    ) -> (Int, ConnectionState.Action)? {
        for now in from...to {
            let action = state.tick(now: now, untakenByteCount: untaken, isCrowded: isCrowded)
            if action != .none { return (now, action) }
            each(&state, now)
        }
        return nil
    }

    @Test(arguments: [(false, 76), (true, 11)])
    func anIdleConnectionClosesSoonerWhereManyAre(_ isCrowded: Bool, _ expected: Int) throws {
        var state = Self.open()
        let (now, action) = try #require(Self.first(&state, isCrowded: isCrowded))
        #expect(now == expected && action == .close)
    }

    @Test func headersHaveTheirDeadlineHoweverOftenAByteComes() throws {
        var state = Self.open()
        _ = state.bytesReceived(1, now: 0)
        let (now, action) = try #require(Self.first(&state) { state, now in _ = state.bytesReceived(100, now: now) })
        #expect(now == 11 && action == .refuse(.timeout))
    }

    @Test func theDeadlineOfHeadersBeginsWithTheirFirstByte() throws {
        var state = Self.open()
        for now in 1...70 { #expect(state.tick(now: now, untakenByteCount: 0) == .none) }
        _ = state.bytesReceived(1, now: 70)
        let (now, _) = try #require(Self.first(&state, from: 71))
        #expect(now == 81)
    }

    @Test(arguments: [(0, 11), (400, 11), (600, nil), (4000, nil)])
    func aBodyNeedsTheMinimumRate(_ bytesPerSecond: Int, _ expected: Int?) {
        var state = Self.receivingBody()
        let first = Self.first(&state) { state, now in _ = state.bytesReceived(bytesPerSecond, now: now) }
        #expect(first?.0 == expected)
        #expect(first == nil || first?.1 == .refuse(.timeout))
    }

    @Test func aBodyThatStallsHasNoCreditFromItsBeginning() throws {
        var state = Self.receivingBody()
        _ = state.bytesReceived(30_000, now: 0)
        let (now, action) = try #require(Self.first(&state))
        #expect(now == 22 && action == .refuse(.timeout))
    }

    @Test func noClockRunsWhileTheServiceWorks() {
        var state = Self.receivingBody()
        _ = state.requestEnd(now: 0)
        #expect(Self.first(&state, to: 10_000) == nil)
        #expect(state.answerHead(isLast: false) == false)
        #expect(state.answerEnd(now: 10_000) == .none)
        #expect(state.tick(now: 10_075, untakenByteCount: 0) == .none)
        #expect(state.tick(now: 10_076, untakenByteCount: 0) == .close)
    }

    @Test func whatIsBehindAnUnansweredRequestHasItsTimeAfterTheAnswer() {
        for hasHead in [false, true] {
            var state = Self.receivingBody()
            _ = state.requestEnd(now: 0)
            _ = state.bytesReceived(10, now: 0)
            if hasHead { _ = state.requestHead(now: 0) }
            #expect(Self.first(&state, to: 100) == nil)
            _ = state.answerHead(isLast: false)
            _ = state.answerEnd(now: 100)
            #expect(state.tick(now: 110, untakenByteCount: 0) == .none)
            #expect(state.tick(now: 111, untakenByteCount: 0) == .refuse(.timeout))
        }
    }

    @Test func aBodyThatDripsAfterItsAnswerEndsTheConnectionWithoutASecondOne() throws {
        var state = Self.receivingBody()
        _ = state.answerHead(isLast: false)
        _ = state.answerEnd(now: 3)
        let (now, action) = try #require(Self.first(&state, from: 4))
        #expect(now == 14 && action == .finish)
    }

    @Test(arguments: [(0, 12), (511, 12), (512, nil)])
    func answersMustBeTakenAtTheMinimumRate(_ bytesPerSecond: Int, _ expected: Int?) {
        var state = Self.receivingBody()
        _ = state.requestEnd(now: 0)
        state.bytesWritten(100_000)
        var first: (Int, ConnectionState.Action)?
        for now in 1...150 where first == nil {
            let action = state.tick(now: now, untakenByteCount: 100_000 - now * bytesPerSecond)
            if action != .none { first = (now, action) }
        }
        #expect(first?.0 == expected)
        #expect(first == nil || first?.1 == .close)
    }

    @Test func whoTakesAllNowAndThenIsNotTooSlow() {
        var state = Self.receivingBody()
        _ = state.requestEnd(now: 0)
        for now in 1...100 {
            state.bytesWritten(100)
            #expect(state.tick(now: now, untakenByteCount: now % 10 == 0 ? 0 : 100) == .none)
        }
    }

    @Test func afterTheEndThereIsTimeToReadTheAnswer() throws {
        var state = Self.receivingBody()
        _ = state.answerHead(isLast: true)
        #expect(state.answerEnd(now: 0) == .finish)
        for now in 1...5 { #expect(state.tick(now: now, untakenByteCount: 10) == .none, "some of it is still here") }
        let (now, action) = try #require(Self.first(&state, from: 6))
        #expect(now == 8 && action == .close)
    }

    @Test func theFrameworksOwnEndIsFollowedByTheClose() {
        var state = Self.open()
        state.outputClosed(now: 0)
        #expect(state.bytesReceived(1, now: 0) == false)
        #expect(state.tick(now: 2, untakenByteCount: 0) == .none)
        #expect(state.tick(now: 3, untakenByteCount: 0) == .close)
    }

    // MARK: Eviction

    @Test func onlyWhatItsClientCouldSetFreeIsEvicted() {
        var state = Self.open()
        #expect(state.heldForClientSince == nil, "idle")
        _ = state.bytesReceived(10, now: 2)
        #expect(state.heldForClientSince == 2, "headers")
        _ = state.requestHead(now: 4)
        #expect(state.heldForClientSince == 4, "a body")
        _ = state.requestEnd(now: 5)
        #expect(state.heldForClientSince == nil, "the service's turn")
        state.bytesWritten(10)
        _ = state.tick(now: 7, untakenByteCount: 10)
        #expect(state.heldForClientSince == 7, "an answer not taken")
        #expect(state.heldByteCount == 10 + Self.limits.requestOverheadBytes + 10)
    }

    @Test func theEvictedHaveAnAnswerWhereOneCanBeGiven() {
        var body = Self.receivingBody()
        #expect(body.evict(now: 1) == .refuse(.overloaded))
        var header = Self.open()
        _ = header.bytesReceived(1, now: 0)
        #expect(header.evict(now: 1) == .refuse(.overloaded))
        var answered = Self.receivingBody()
        _ = answered.answerHead(isLast: false)
        _ = answered.answerEnd(now: 0)
        #expect(answered.evict(now: 1) == .close)
        var answering = Self.receivingBody()
        _ = answering.answerHead(isLast: false)
        #expect(answering.evict(now: 1) == .close, "nothing may be written into an answer")
        var finished = Self.open()
        finished.outputClosed(now: 0)
        #expect(finished.evict(now: 1) == .close)
    }
}

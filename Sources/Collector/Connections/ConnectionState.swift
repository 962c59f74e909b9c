/// Decides what becomes of one connection. It does no I/O and reads no clock: what happens is told to it, with the tick
/// (second) at which it happened, and it says what to do.
///
/// Invariants:
/// 1. A clock runs only while the client is the one to act: never while a request waits for the service's answer, and
///    the bytes behind it may wait unread.
/// 2. At most `pipelinedRequestsMax` requests are handed on without an answer.
/// 3. After `ended` no byte is decoded and no part handed on; after `finish` or a refusal nothing is written.
/// 4. A refusal is only given where no answer is under way and none is owed.
///
/// State transitions: a request's are `bytesReceived`, `requestHead`, `requestEnd`; an answer's `answerHead`, `answerEnd`;
/// the end's `refuse` and `finish`; time acts through `tick` and `evict` alone (`ConnectionState+Time.swift`).
package struct ConnectionState {
    /// Seconds since some start.
    package typealias Tick = Int

    package enum Input: Equatable, Sendable {
        /// No byte of a next request has come.
        case idle
        case header(byteCount: Int)
        /// Bytes as sent, with the sizes of chunks.
        case body(byteCount: Int)
        /// Nothing more is taken.
        case ended
    }

    package enum Action: Equatable, Sendable {
        case none
        /// Write this answer, then as `finish`.
        case refuse(Refusal)
        /// Close for writing behind what was written, and read on to nowhere.
        case finish
        case close
    }

    let limits: ConnectionLimits
    package internal(set) var input = Input.idle
    /// When `input` began, or the client could go on with it.
    private(set) var inputSince: Tick
    /// Of a body that comes in, from then on.
    var bodyClock: RateClock
    /// Requests handed on whose answers have not been written.
    package internal(set) var unanswered = 0
    var isAnswering = false
    private var isAnsweredEarly = false
    /// Whether the request that comes in may have a longer body than the usual one.
    private var bodyMayBeLong = false
    var answerIsLast = false
    var endsAfterAnswers = false
    var finishedSince: Tick?

    /// Since when, in every tick, something written was not taken.
    var untakenSince: Tick?
    var answerClock: RateClock
    var writtenByteCount = 0
    /// As of the last tick.
    var untakenByteCount = 0
    var takenByteCount = 0

    /// Bytes of requests without an answer.
    private var requestByteCount = 0
    /// What this connection holds in memory.
    package var heldByteCount: Int { requestByteCount + untakenByteCount }

    package init(limits: ConnectionLimits, now: Tick) {
        self.limits = limits
        inputSince = now
        bodyClock = RateClock(now: now, byteCount: 0)
        answerClock = bodyClock
    }

    // MARK: Requests

    /// Bytes came. False: they are not to be decoded.
    package mutating func bytesReceived(_ count: Int, now: Tick) -> Bool {
        switch input {
        case .ended: return false
        case .idle: begin(.header(byteCount: count), now)
        case .header(let before): input = .header(byteCount: before + count)
        case .body(let before):
            input = .body(byteCount: before + count)
            // What comes after the answer is read to nowhere.
            if unanswered == 0 { return true }
        }
        requestByteCount += count
        return true
    }

    /// What came has been decoded.
    package mutating func bytesDecoded(now: Tick) -> Action {
        switch input {
        case .header(let count) where count > limits.headerBytesMax: refuse(.headersTooLarge, now)
        case .body(let count) where count > limits.encodedBodyBytesMax(isLong: bodyMayBeLong): refuse(.bodyTooLarge, now)
        default: .none
        }
    }

    /// Headers are complete. False: the request is not to be handed on. The decoder reads nothing behind a request that asks
    /// for another protocol, so that one is the last.
    package mutating func requestHead(asksForUpgrade: Bool = false, bodyMayBeLong: Bool = false, now: Tick) -> Bool {
        guard input != .ended else { return false }
        guard unanswered < limits.pipelinedRequestsMax else {
            input = .ended
            endsAfterAnswers = true
            return false
        }
        unanswered += 1
        isAnsweredEarly = false
        self.bodyMayBeLong = bodyMayBeLong
        requestByteCount += limits.requestOverheadBytes
        endsAfterAnswers = asksForUpgrade
        begin(.body(byteCount: 0), now)
        return true
    }

    /// A request is complete. False: this is not to be handed on.
    package mutating func requestEnd(now: Tick) -> Bool {
        guard case .body = input else { return false }
        begin(endsAfterAnswers ? .ended : .idle, now)
        if unanswered == 0 { requestByteCount = 0 }
        return true
    }

    /// What came is no HTTP. `none`: answers are owed first, so the error is for those who give them.
    package mutating func malformed(_ refusal: Refusal, now: Tick) -> Action {
        guard input != .ended else { return .none }
        guard unanswered == 0 else {
            // Of a request that has begun, the answer is under way in the routes; the error makes them give it.
            if case .body = input { endsAfterAnswers = true }
            input = .ended
            return .none
        }
        return refuse(refusal, now)
    }

    /// Whether more requests are to be read for now.
    var hasRoomForRequests: Bool { unanswered < limits.requestsAheadMax }

    // MARK: Answers

    /// An answer begins; `isLast` says that its headers announce the end of the connection. True: they are to do so.
    package mutating func answerHead(isLast: Bool) -> Bool {
        isAnswering = true
        answerIsLast = isLast || (endsAfterAnswers && unanswered <= 1)
        return answerIsLast && !isLast
    }

    /// The request that comes in has its answer before it is complete; that is owed whatever comes of the rest.
    package mutating func answeredEarly() { isAnsweredEarly = true }

    /// The service ends: what was written is taken first.
    package mutating func end(now: Tick) -> Action { finish(now) }

    /// An answer of so many bytes is ready before its turn, or while nobody takes it. It is held with its request.
    package mutating func answerWaits(byteCount: Int) { requestByteCount += byteCount }

    package mutating func bytesWritten(_ count: Int) { writtenByteCount += count }

    package mutating func answerEnd(now: Tick) -> Action {
        isAnswering = false
        guard finishedSince == nil else { return .none }
        if unanswered > 0 {
            // The average: which of the bytes belong to which request is not known.
            requestByteCount -= requestByteCount / unanswered
            unanswered -= 1
        }
        if unanswered == 0 {
            if case .header(let count) = input { requestByteCount = count } else { requestByteCount = 0 }
        }
        if answerIsLast || (endsAfterAnswers && unanswered == 0) { return finish(now) }
        begin(input, now)
        return .none
    }

    // MARK: The end

    /// The writing side closed, by whomever.
    package mutating func outputClosed(now: Tick) { _ = finish(now) }

    mutating func refuse(_ refusal: Refusal, _ now: Tick) -> Action {
        guard input != .ended else { return .none }
        var isAnswered = false
        if case .body = input {
            isAnswered = unanswered == 0
            // The routes never see this request whole, so they owe it nothing.
            if unanswered > (isAnswering ? 1 : 0) && !isAnsweredEarly { unanswered -= 1 }
        }
        input = .ended
        guard unanswered == 0 else {
            endsAfterAnswers = true
            return .none
        }
        _ = finish(now)
        return isAnswered ? .finish : .refuse(refusal)
    }

    private mutating func finish(_ now: Tick) -> Action {
        input = .ended
        guard finishedSince == nil else { return .none }
        finishedSince = now
        return .finish
    }

    private mutating func begin(_ next: Input, _ now: Tick) {
        input = next
        inputSince = now
        if case .body(let byteCount) = next { bodyClock = RateClock(now: now, byteCount: byteCount) }
    }
}

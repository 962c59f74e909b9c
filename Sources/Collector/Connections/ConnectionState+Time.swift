/// Deadlines and eviction.
extension ConnectionState {
    /// Whether an answer may still be on its way, so that `tick` needs to know how much of it was not taken.
    var awaitsTaking: Bool { takenByteCount != writtenByteCount }

    /// A second has passed. `untakenByteCount` is what was written and not taken by the client's side.
    package mutating func tick(now: Tick, untakenByteCount: Int, isCrowded: Bool = false) -> Action {
        if answersAreTooSlow(now, untakenByteCount) { return .close }
        if let finishedSince {
            // The client has something to read first, at the minimum rate.
            if untakenByteCount > 0 { self.finishedSince = now }
            return now - finishedSince > limits.lingerSeconds && untakenByteCount == 0 ? .close : .none
        }
        let seconds = now - inputSince
        switch input {
        case .idle:
            let limit = isCrowded ? limits.idleSecondsWhenCrowded : limits.idleSeconds
            return unanswered == 0 && untakenByteCount == 0 && seconds > limit ? .close : .none
        case .header:
            return unanswered == 0 && seconds > limits.headerSeconds ? refuse(.timeout, now) : .none
        case .body(let byteCount):
            guard isReceivingWhatIsServed, bodyClock.isTooSlow(byteCount: byteCount, now: now, limits: limits) else {
                return .none
            }
            return refuse(.timeout, now)
        case .ended:
            // All answers are given, and nobody has ended the connection: those who owe the last one (`malformed`) forgot it.
            return unanswered == 0 && untakenByteCount == 0 && seconds > limits.headerSeconds ? .close : .none
        }
    }

    private mutating func answersAreTooSlow(_ now: Tick, _ untakenByteCount: Int) -> Bool {
        self.untakenByteCount = untakenByteCount
        takenByteCount = writtenByteCount - untakenByteCount
        guard untakenByteCount > 0 else {
            untakenSince = nil
            return false
        }
        if untakenSince == nil {
            untakenSince = now
            answerClock = RateClock(now: now, byteCount: takenByteCount)
        }
        return answerClock.isTooSlow(byteCount: takenByteCount, now: now, limits: limits)
    }

    /// A body that comes in belongs to the last request; where another one is before it, its bytes may wait unread.
    private var isReceivingWhatIsServed: Bool { unanswered <= 1 }

    // MARK: Eviction

    /// Since when this connection has held memory that only its client can set free; nil where that is the service's turn.
    package var heldForClientSince: Tick? {
        if let untakenSince { return untakenSince }
        if let finishedSince { return finishedSince }
        switch input {
        case .header: return unanswered == 0 ? inputSince : nil
        case .body: return isReceivingWhatIsServed ? inputSince : nil
        case .idle, .ended: return nil
        }
    }

    /// The memory is needed: the connection closes, with an answer where one can be given.
    package mutating func evict(now: Tick) -> Action {
        guard untakenSince == nil, finishedSince == nil, case .refuse(let refusal) = refuse(.overloaded, now) else {
            return .close
        }
        return .refuse(refusal)
    }
}

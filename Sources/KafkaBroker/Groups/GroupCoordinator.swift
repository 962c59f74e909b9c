internal import EventLog
package import KafkaProtocol
package import NIOCore
internal import Synchronization

/// Looks after all groups: gives what is said to their states, answers whom these tell to answer, and wakes them when time is over.
///
/// Owns: the groups' states and their timers.
/// Threads: everything may be called on any; a group's state changes under the lock, and nobody is answered under it.
package final class GroupCoordinator: Sendable {
    private struct Group {
        var state: GroupState
        var timer: Scheduled<Void>?
        /// For which time the timer is set.
        var wakesAt: Int64?
        /// Since when it has no members, in the milliseconds of `uptime`.
        var emptySince: Int64?
    }

    private struct State {
        var groups: [String: Group] = [:]
        var joins: [GroupState.Waiter: @Sendable (JoinGroupResponse) -> Void] = [:]
        var syncs: [GroupState.Waiter: @Sendable (SyncGroupResponse) -> Void] = [:]
        var nextWaiter = 0
        /// What all members take of memory, more or less.
        var byteCount = 0
    }

    private let state = Mutex(State())
    private let limits: BrokerLimits
    private let timers: any EventLoop
    /// Milliseconds by a clock that is never set.
    private let uptime: @Sendable () -> Int64
    private let started: Int64
    private let mark = String(UInt64.random(in: 0...UInt64.max), radix: 36)

    package init(limits: BrokerLimits, timers: any EventLoop, uptime: @escaping @Sendable () -> Int64) {
        self.limits = limits
        self.timers = timers
        self.uptime = uptime
        started = uptime()
    }

    // MARK: Members

    /// - Parameter comesTwice: see `GroupState.Joining`.
    package func join(
        _ request: JoinGroupRequest, clientID: String, clientHost: String, comesTwice: Bool,
        _ answer: @escaping @Sendable (JoinGroupResponse) -> Void
    ) {
        func refuse(_ error: KafkaErrorCode) {
            var response = JoinGroupResponse()
            response.error = error
            response.memberID = request.memberID
            answer(response)
        }
        guard (1...limits.groupNameBytesMax).contains(request.groupID.utf8.count) else { return refuse(.invalidGroupID) }
        guard limits.sessionTimeouts.contains(request.sessionTimeoutMilliseconds) else { return refuse(.invalidSessionTimeout) }
        let byteCount = request.protocols.reduce(0) { $0 + $1.metadata.count + $1.name.utf8.count }
        guard byteCount <= limits.memberBytesMax else { return refuse(.inconsistentGroupProtocol) }
        guard hasRoom(for: byteCount) else { return refuse(.groupMaxSizeReached) }
        let joining = GroupState.Joining(
            request: request, clientID: clientID, clientHost: clientHost, comesTwice: comesTwice, membersMax: limits.membersMax)
        let isTaken = change(request.groupID, makesGroup: true) { state, group, now in
            let waiter = Self.waiter(&state)
            state.joins[waiter] = answer
            return group.join(joining, waiter, now: now)
        }
        if !isTaken { refuse(.coordinatorNotAvailable) }
    }

    func sync(_ request: SyncGroupRequest, _ answer: @escaping @Sendable (SyncGroupResponse) -> Void) {
        guard hasRoom(for: request.assignments.reduce(0) { $0 + $1.assignment.count }) else {
            var response = SyncGroupResponse()
            response.error = .groupMaxSizeReached
            return answer(response)
        }
        let isTaken = change(request.groupID) { state, group, now in
            let waiter = Self.waiter(&state)
            state.syncs[waiter] = answer
            return group.sync(request, waiter, now: now)
        }
        if !isTaken {
            var response = SyncGroupResponse()
            response.error = .unknownMemberID
            answer(response)
        }
    }

    func heartbeat(_ request: HeartbeatRequest) -> KafkaErrorCode {
        ask(request.groupID) { $0.heartbeat(request, now: $1) } ?? .unknownMemberID
    }

    func leave(_ group: String, member: String, instanceID: String?) -> KafkaErrorCode {
        var error = KafkaErrorCode.unknownMemberID
        _ = change(group) { _, group, now in
            let found = group.leave(member, instanceID, now: now)
            error = found.error
            return found.actions
        }
        return error
    }

    /// Whether somebody may commit offsets for a group.
    func maySet(offsetsOf group: String, member: String, instanceID: String?, generation: Int32) -> KafkaErrorCode {
        ask(group) { $0.maySet(offsetsOf: member, instanceID, generation: generation, now: $1) }
            // Offsets may be kept for a group that has never had members.
            ?? (member.isEmpty && generation < 0 ? .none : .unknownMemberID)
    }

    /// The groups that have members, or have had some since the start.
    var groups: [GroupState] { state.withLock { $0.groups.values.map(\.state) } }

    func group(_ id: String) -> GroupState? { state.withLock { $0.groups[id]?.state } }

    /// Forgets a group that has no members; false where it has some.
    func remove(_ id: String) -> Bool {
        state.withLock { state in
            guard let group = state.groups[id] else { return true }
            guard group.state.isEmpty else { return false }
            group.timer?.cancel()
            state.groups[id] = nil
            return true
        }
    }

    /// Whether a group has had no members for so many milliseconds.
    func hasBeenEmpty(_ id: String, for milliseconds: Int64) -> Bool {
        let since = state.withLock { state -> Int64? in
            guard let group = state.groups[id] else { return started }
            return group.state.isEmpty ? group.emptySince : nil
        }
        return since.map { uptime() - $0 >= milliseconds } ?? false
    }

    // MARK: Changing

    private static func waiter(_ state: inout State) -> GroupState.Waiter {
        state.nextWaiter += 1
        return state.nextWaiter
    }

    private func ask<Result>(_ id: String, _ body: (inout GroupState, Int64) -> Result) -> Result? {
        state.withLock { state in
            guard state.groups[id] != nil else { return nil }
            defer { setTimer(id, &state) }
            return body(&state.groups[id]!.state, uptime())
        }
    }

    /// False: there is no such group, and none is made.
    private func change(
        _ id: String, makesGroup: Bool = false, _ body: (inout State, inout GroupState, Int64) -> [GroupState.Action]
    ) -> Bool {
        let answers: [@Sendable () -> Void]? = state.withLock { state in
            if state.groups[id] == nil {
                guard makesGroup, hasRoom(&state) else { return nil }
                state.groups[id] = Group(state: GroupState(id: id, mark: mark), emptySince: uptime())
            }
            var group = state.groups[id]!.state
            let actions = body(&state, &group, uptime())
            if group.isEmpty != state.groups[id]!.state.isEmpty { state.groups[id]!.emptySince = group.isEmpty ? uptime() : nil }
            state.byteCount += group.byteCount - state.groups[id]!.state.byteCount
            state.groups[id]!.state = group
            setTimer(id, &state)
            return actions.compactMap { answer($0, &state) }
        }
        guard let answers else { return false }
        for answer in answers { answer() }
        return true
    }

    private func hasRoom(for byteCount: Int) -> Bool { state.withLock { $0.byteCount } + byteCount <= limits.groupBytesMax }

    /// Groups that nobody uses make room for others.
    private func hasRoom(_ state: inout State) -> Bool {
        if state.groups.count < limits.groupsMax { return true }
        guard let unused = state.groups.first(where: { $0.value.state.isEmpty }) else { return false }
        unused.value.timer?.cancel()
        state.groups[unused.key] = nil
        return true
    }

    private func answer(_ action: GroupState.Action, _ state: inout State) -> (@Sendable () -> Void)? {
        switch action {
        case .joined(let waiter, let response):
            guard let answer = state.joins.removeValue(forKey: waiter) else { return nil }
            return { answer(response) }
        case .synced(let waiter, let response):
            guard let answer = state.syncs.removeValue(forKey: waiter) else { return nil }
            return { answer(response) }
        }
    }

    private func setTimer(_ id: String, _ state: inout State) {
        guard let group = state.groups[id], group.wakesAt != group.state.nextDeadline else { return }
        group.timer?.cancel()
        let deadline = group.state.nextDeadline
        state.groups[id]!.wakesAt = deadline
        state.groups[id]!.timer = deadline.map { deadline in
            timers.scheduleTask(in: .milliseconds(max(0, deadline - uptime()))) { [weak self] in self?.expire(id, deadline) }
        }
    }

    private func expire(_ id: String, _ deadline: Int64) {
        _ = change(id) { state, group, now in
            if state.groups[id]?.wakesAt == deadline { state.groups[id]!.wakesAt = nil }
            return group.expire(now: max(now, deadline))
        }
    }
}

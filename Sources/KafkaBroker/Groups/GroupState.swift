package import KafkaProtocol

/// One group of consumers that share partitions, by Kafka's eager protocol. It has no I/O and no clock: times are given to it, in milliseconds.
///
/// ```
///            join                      all have joined, or time is over
/// empty ───────────► preparing ──────────────────────────────────────► completing
///   ▲                  ▲   ▲                                               │ the leader's assignments
///   │ the last one     │   └── a member comes, goes or dies ───────────────┤
///   └── goes ──────────┴────────────── the same ──────────── stable ◄──────┘
/// ```
/// Invariants:
/// 1. In `preparing` a member either waits for the generation or may still join it; in the other states none waits for one.
/// 2. All members know a protocol that all of them know, and have one type.
/// 3. The generation grows by one each time that it begins.
package struct GroupState {
    /// Whom to answer: a number that the caller has given.
    package typealias Waiter = Int

    package enum Phase: String {
        case empty = "Empty"
        case preparing = "PreparingRebalance"
        case completing = "CompletingRebalance"
        case stable = "Stable"
    }

    package enum Action {
        case joined(Waiter, JoinGroupResponse)
        case synced(Waiter, SyncGroupResponse)
    }

    package let id: String
    package private(set) var phase = Phase.empty
    package private(set) var generation: Int32 = 0
    package private(set) var protocolType: String?
    package private(set) var protocolName: String?
    package private(set) var leader: String?
    /// In the order in which they came.
    package private(set) var members: [GroupMember] = []
    /// Numbers given to those who then must come with them, and until when.
    private var promised: [String: Int64] = [:]
    /// Until when `preparing` waits for members that have not joined.
    private var joinDeadline: Int64?
    /// Until when the first generation of a group waits for more members.
    private var gatherUntil: Int64?
    private var membersMade = 0

    /// How long a group without members waits for a second one, so that members that start together need not begin again.
    package static let gatherMilliseconds: Int64 = 100
    /// A number that is never used again.
    private let mark: String

    /// - Parameter mark: for the members' names, another one each time that the service starts.
    package init(id: String, mark: String) {
        self.id = id
        self.mark = mark
    }

    package var isEmpty: Bool { members.isEmpty && promised.isEmpty }

    /// What its members take of memory, more or less.
    package var byteCount: Int { members.reduce(0) { $0 + $1.byteCount } }

    // MARK: Joining

    package struct Joining {
        package let request: JoinGroupRequest
        package let clientID: String
        package let clientHost: String
        /// The client's version of the protocol has members come twice, so that one that is gone before the first answer leaves nothing behind.
        package let comesTwice: Bool
        package let membersMax: Int

        package init(request: JoinGroupRequest, clientID: String, clientHost: String, comesTwice: Bool, membersMax: Int) {
            self.request = request
            self.clientID = clientID
            self.clientHost = clientHost
            self.comesTwice = comesTwice
            self.membersMax = membersMax
        }
    }

    package mutating func join(_ joining: Joining, _ waiter: Waiter, now: Int64) -> [Action] {
        let request = joining.request
        func refused(_ error: KafkaErrorCode, memberID: String? = nil) -> [Action] {
            var response = JoinGroupResponse()
            response.error = error
            response.memberID = memberID ?? request.memberID
            return [.joined(waiter, response)]
        }
        guard !request.protocolType.isEmpty, !request.protocols.isEmpty, fits(request) else {
            return refused(.inconsistentGroupProtocol)
        }
        if let place = members.firstIndex(where: { $0.id == request.memberID }) {
            guard members[place].instanceID == request.groupInstanceID else { return refused(.fencedInstanceID) }
            return rejoin(place, request, waiter, now)
        }
        var id = request.memberID
        if id.isEmpty {
            guard members.count + promised.count < joining.membersMax else { return refused(.groupMaxSizeReached) }
            membersMade += 1
            id = "\(request.groupInstanceID ?? joining.clientID)-\(mark)-\(membersMade)"
            if joining.comesTwice && request.groupInstanceID == nil {
                promised[id] = now + Int64(request.sessionTimeoutMilliseconds)
                return refused(.memberIDRequired, memberID: id)
            }
        } else {
            guard promised.removeValue(forKey: id) != nil else { return refused(.unknownMemberID) }
        }
        var actions: [Action] = []
        if let instance = request.groupInstanceID, let old = members.firstIndex(where: { $0.instanceID == instance }) {
            // The same one, started anew.
            actions += fence(old)
        }
        let isFirst = members.isEmpty
        members.append(
            GroupMember(
                id: id, instanceID: request.groupInstanceID, clientID: joining.clientID, clientHost: joining.clientHost,
                sessionTimeout: Int64(request.sessionTimeoutMilliseconds), rebalanceTimeout: Self.rebalanceTimeout(request),
                protocols: request.protocols.map { ($0.name, $0.metadata) }, lastHeard: now, waitingJoin: waiter))
        protocolType = request.protocolType
        if isFirst && phase == .empty { gatherUntil = now + Self.gatherMilliseconds }
        return actions + prepare(now) + completeIfAllJoined(now)
    }

    /// Whether all would have a protocol in common with one who asks to join.
    private func fits(_ request: JoinGroupRequest) -> Bool {
        let others = members.filter {
            $0.id != request.memberID && ($0.instanceID == nil || $0.instanceID != request.groupInstanceID)
        }
        guard !others.isEmpty else { return true }
        return protocolType == request.protocolType
            && request.protocols.contains { wanted in others.allSatisfy { $0.protocols.contains { $0.name == wanted.name } } }
    }

    private static func rebalanceTimeout(_ request: JoinGroupRequest) -> Int64 {
        Int64(
            request.rebalanceTimeoutMilliseconds > 0 ? request.rebalanceTimeoutMilliseconds : request.sessionTimeoutMilliseconds)
    }

    private mutating func rejoin(_ place: Int, _ request: JoinGroupRequest, _ waiter: Waiter, _ now: Int64) -> [Action] {
        let isSame = members[place].hasSameProtocols(as: request.protocols.map { ($0.name, $0.metadata) })
        members[place].lastHeard = now
        // It did not hear what it was told.
        if isSame, phase == .completing || (phase == .stable && members[place].id != leader) {
            return [.joined(waiter, generationBegun(for: members[place]))]
        }
        var actions: [Action] = []
        if let earlier = members[place].waitingJoin {
            // It asks again on another connection: whoever waits there is answered.
            var response = JoinGroupResponse()
            response.error = .rebalanceInProgress
            response.memberID = members[place].id
            actions.append(.joined(earlier, response))
        }
        members[place].protocols = request.protocols.map { ($0.name, $0.metadata) }
        members[place].sessionTimeout = Int64(request.sessionTimeoutMilliseconds)
        members[place].rebalanceTimeout = Self.rebalanceTimeout(request)
        members[place].waitingJoin = waiter
        protocolType = request.protocolType
        return actions + prepare(now) + completeIfAllJoined(now)
    }

    /// Another generation is to begin.
    private mutating func prepare(_ now: Int64) -> [Action] {
        if phase == .preparing { return [] }
        phase = .preparing
        joinDeadline = now + (members.map(\.rebalanceTimeout).max() ?? 0)
        var actions: [Action] = []
        for place in members.indices {
            guard let waiter = members[place].waitingSync else { continue }
            members[place].waitingSync = nil
            members[place].lastHeard = now
            actions.append(.synced(waiter, Self.refusedSync(.rebalanceInProgress)))
        }
        return actions
    }

    private mutating func completeIfAllJoined(_ now: Int64) -> [Action] {
        guard phase == .preparing, members.allSatisfy({ $0.waitingJoin != nil }), promised.isEmpty || joinDeadline ?? 0 <= now,
            gatherUntil ?? 0 <= now
        else { return [] }
        return begin(now)
    }

    /// The generation begins with those who have joined.
    private mutating func begin(_ now: Int64) -> [Action] {
        members.removeAll { $0.waitingJoin == nil }
        (joinDeadline, gatherUntil) = (nil, nil)
        generation &+= 1
        if generation < 0 { generation = 1 }
        guard !members.isEmpty else {
            phase = .empty
            (leader, protocolName) = (nil, nil)
            return []
        }
        protocolName = chosenProtocol()
        if !members.contains(where: { $0.id == leader }) { leader = members[0].id }
        phase = .completing
        var actions: [Action] = []
        for place in members.indices {
            guard let waiter = members[place].waitingJoin else { continue }
            members[place].waitingJoin = nil
            members[place].lastHeard = now
            members[place].assignment = []
            actions.append(.joined(waiter, generationBegun(for: members[place])))
        }
        return actions
    }

    /// Of those that all know, the one that most like best.
    private func chosenProtocol() -> String? {
        let common = members[0].protocols.map(\.name).filter { name in
            members.allSatisfy { $0.protocols.contains { $0.name == name } }
        }
        var votes: [String: Int] = [:]
        for member in members {
            if let vote = member.protocols.first(where: { common.contains($0.name) }) { votes[vote.name, default: 0] += 1 }
        }
        return common.max { votes[$0] ?? 0 < votes[$1] ?? 0 }
    }

    private func generationBegun(for member: GroupMember) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.generationID = generation
        response.protocolType = protocolType
        response.protocolName = protocolName
        response.leader = leader ?? ""
        response.memberID = member.id
        if member.id == leader {
            response.members = members.map { member in
                var described = JoinGroupResponse.Member()
                described.memberID = member.id
                described.groupInstanceID = member.instanceID
                described.metadata = member.metadata(for: protocolName)
                return described
            }
        }
        return response
    }

    // MARK: Assignments

    package mutating func sync(_ request: SyncGroupRequest, _ waiter: Waiter, now: Int64) -> [Action] {
        let place: Int
        switch self.place(of: request.memberID, request.groupInstanceID, generation: request.generationID) {
        case .failure(let error): return [.synced(waiter, Self.refusedSync(error.code))]
        case .success(let found): place = found
        }
        if let type = request.protocolType, type != protocolType {
            return [.synced(waiter, Self.refusedSync(.inconsistentGroupProtocol))]
        }
        if let name = request.protocolName, name != protocolName {
            return [.synced(waiter, Self.refusedSync(.inconsistentGroupProtocol))]
        }
        members[place].lastHeard = now
        switch phase {
        case .empty, .preparing: return [.synced(waiter, Self.refusedSync(.rebalanceInProgress))]
        case .stable: return [.synced(waiter, assigned(members[place]))]
        case .completing: break
        }
        var actions: [Action] = []
        if let earlier = members[place].waitingSync { actions.append(.synced(earlier, Self.refusedSync(.rebalanceInProgress))) }
        members[place].waitingSync = waiter
        guard request.memberID == leader else { return actions }
        for assignment in request.assignments {
            guard let place = members.firstIndex(where: { $0.id == assignment.memberID }) else { continue }
            members[place].assignment = assignment.assignment
        }
        phase = .stable
        for place in members.indices {
            guard let waiter = members[place].waitingSync else { continue }
            members[place].waitingSync = nil
            members[place].lastHeard = now
            actions.append(.synced(waiter, assigned(members[place])))
        }
        return actions
    }

    private func assigned(_ member: GroupMember) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.protocolType = protocolType
        response.protocolName = protocolName
        response.assignment = member.assignment
        return response
    }

    private static func refusedSync(_ error: KafkaErrorCode) -> SyncGroupResponse {
        var response = SyncGroupResponse()
        response.error = error
        return response
    }

    // MARK: Members that are there

    private struct NoMember: Error { let code: KafkaErrorCode }

    private func place(of id: String, _ instanceID: String?, generation: Int32?) -> Result<Int, NoMember> {
        if let instanceID, let place = members.firstIndex(where: { $0.instanceID == instanceID }), members[place].id != id {
            return .failure(NoMember(code: .fencedInstanceID))
        }
        guard let place = members.firstIndex(where: { $0.id == id }) else { return .failure(NoMember(code: .unknownMemberID)) }
        if let generation, generation != self.generation { return .failure(NoMember(code: .illegalGeneration)) }
        return .success(place)
    }

    package mutating func heartbeat(_ request: HeartbeatRequest, now: Int64) -> KafkaErrorCode {
        switch place(of: request.memberID, request.groupInstanceID, generation: request.generationID) {
        case .failure(let error): return error.code
        case .success(let place):
            members[place].lastHeard = now
            return phase == .preparing ? .rebalanceInProgress : .none
        }
    }

    /// Whether a member may commit offsets; a client that is no member may where there are none.
    package mutating func maySet(offsetsOf memberID: String, _ instanceID: String?, generation: Int32, now: Int64)
        -> KafkaErrorCode
    {
        if memberID.isEmpty && generation < 0 { return members.isEmpty ? .none : .unknownMemberID }
        switch place(of: memberID, instanceID, generation: generation) {
        case .failure(let error): return error.code
        case .success(let place):
            members[place].lastHeard = now
            return phase == .completing ? .rebalanceInProgress : .none
        }
    }

    package mutating func leave(_ id: String, _ instanceID: String?, now: Int64) -> (error: KafkaErrorCode, actions: [Action]) {
        if promised.removeValue(forKey: id) != nil { return (.none, completeIfAllJoined(now)) }
        let found =
            id.isEmpty
            ? members.firstIndex { $0.instanceID == instanceID && instanceID != nil }.map { .success($0) }
                ?? .failure(NoMember(code: .unknownMemberID))
            : place(of: id, instanceID, generation: nil)
        switch found {
        case .failure(let error): return (error.code, [])
        case .success(let place): return (.none, remove([place], now))
        }
    }

    /// Takes a member's place from whoever has it.
    private mutating func fence(_ place: Int) -> [Action] {
        let member = members.remove(at: place)
        var actions: [Action] = []
        if let waiter = member.waitingJoin {
            var response = JoinGroupResponse()
            response.error = .fencedInstanceID
            response.memberID = member.id
            actions.append(.joined(waiter, response))
        }
        if let waiter = member.waitingSync { actions.append(.synced(waiter, Self.refusedSync(.fencedInstanceID))) }
        return actions
    }

    private mutating func remove(_ places: [Int], _ now: Int64) -> [Action] {
        for place in places.sorted(by: >) { members.remove(at: place) }
        if members.isEmpty && phase != .preparing {
            (phase, leader, protocolName) = (.empty, nil, nil)
            return []
        }
        return prepare(now) + completeIfAllJoined(now)
    }

    // MARK: Time

    /// When `expire` is to be called next; nil: not before something else happens.
    package var nextDeadline: Int64? {
        var deadlines = members.compactMap(\.deadline) + promised.values
        if phase == .preparing { deadlines += [joinDeadline, gatherUntil].compactMap { $0 } }
        return deadlines.min()
    }

    package mutating func expire(now: Int64) -> [Action] {
        promised = promised.filter { $0.value > now }
        let dead = members.indices.filter { members[$0].deadline.map { $0 <= now } ?? false }
        var actions = dead.isEmpty ? [] : remove(dead, now)
        if phase == .preparing, let deadline = joinDeadline, deadline <= now { actions += begin(now) }
        return actions + completeIfAllJoined(now)
    }
}

internal import KafkaProtocol

/// Says that the one broker looks after every group.
struct FindCoordinatorHandler: RequestHandler {
    let broker: Broker

    private static let groupType: Int8 = 0

    func handle(_ message: FindCoordinatorRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = FindCoordinatorResponse()
        let error: KafkaErrorCode =
            message.keyType != Self.groupType
            ? .transactionalIDAuthorizationFailed : request.client.user.mayUseGroups ? .none : .groupAuthorizationFailed
        response.error = error
        response.nodeID = error == .none ? Broker.nodeID : -1
        response.host = error == .none ? request.client.broker.host : ""
        response.port = error == .none ? Int32(request.client.broker.port) : -1
        response.coordinators = message.coordinatorKeys.map { key in
            var coordinator = FindCoordinatorResponse.Coordinator()
            coordinator.key = key
            (coordinator.error, coordinator.nodeID) = (response.error, response.nodeID)
            (coordinator.host, coordinator.port) = (response.host, response.port)
            return coordinator
        }
        answer(Answer(response, to: request.header))
    }
}

struct JoinGroupHandler: RequestHandler {
    let groups: Groups

    /// The version from which on a member comes twice (KIP-394).
    private static let comesTwiceFrom: Int16 = 4

    func handle(_ message: JoinGroupRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        if let error = groups.refusal(of: message.groupID, request.client.user) {
            var response = JoinGroupResponse()
            response.error = error
            return answer(Answer(response, to: request.header))
        }
        groups.coordinator.join(
            message, clientID: request.header.clientID ?? "", clientHost: request.client.address,
            comesTwice: request.header.version >= Self.comesTwiceFrom
        ) { [header = request.header] in answer(Answer($0, to: header)) }
    }
}

struct SyncGroupHandler: RequestHandler {
    let groups: Groups

    func handle(_ message: SyncGroupRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        if let error = groups.refusal(of: message.groupID, request.client.user) {
            var response = SyncGroupResponse()
            response.error = error
            return answer(Answer(response, to: request.header))
        }
        groups.coordinator.sync(message) { [header = request.header] in answer(Answer($0, to: header)) }
    }
}

struct HeartbeatHandler: RequestHandler {
    let groups: Groups

    func handle(_ message: HeartbeatRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = HeartbeatResponse()
        response.error = groups.refusal(of: message.groupID, request.client.user) ?? groups.coordinator.heartbeat(message)
        answer(Answer(response, to: request.header))
    }
}

struct LeaveGroupHandler: RequestHandler {
    let groups: Groups

    func handle(_ message: LeaveGroupRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = LeaveGroupResponse()
        if let error = groups.refusal(of: message.groupID, request.client.user) {
            response.error = error
        } else if request.header.version <= 2 {
            response.error = groups.coordinator.leave(message.groupID, member: message.memberID, instanceID: nil)
        } else {
            response.members = message.members.map { wanted in
                var member = LeaveGroupResponse.Member()
                (member.memberID, member.groupInstanceID) = (wanted.memberID, wanted.groupInstanceID)
                member.error = groups.coordinator.leave(
                    message.groupID, member: wanted.memberID, instanceID: wanted.groupInstanceID)
                return member
            }
        }
        answer(Answer(response, to: request.header))
    }
}

struct ListGroupsHandler: RequestHandler {
    let groups: Groups

    func handle(_ message: ListGroupsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = ListGroupsResponse()
        guard request.client.user.mayUseGroups else {
            response.error = .groupAuthorizationFailed
            return answer(Answer(response, to: request.header))
        }
        response.groups = groups.all.filter { message.statesFilter.isEmpty || message.statesFilter.contains($0.groupState) }.map {
            var group = ListGroupsResponse.Group()
            (group.groupID, group.protocolType, group.groupState) = ($0.groupID, $0.protocolType, $0.groupState)
            return group
        }
        answer(Answer(response, to: request.header))
    }
}

struct DescribeGroupsHandler: RequestHandler {
    let groups: Groups

    func handle(_ message: DescribeGroupsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        var response = DescribeGroupsResponse()
        response.groups = message.groups.map { id in
            guard request.client.user.mayUseGroups else {
                var group = DescribeGroupsResponse.Group()
                group.groupID = id
                group.error = .groupAuthorizationFailed
                return group
            }
            return groups.described(id)
        }
        answer(Answer(response, to: request.header))
    }
}

struct DeleteGroupsHandler: RequestHandler {
    let groups: Groups

    func handle(_ message: DeleteGroupsRequest, of request: Request, _ answer: @escaping @Sendable (Answer) -> Void) {
        Task {
            var response = DeleteGroupsResponse()
            for id in message.groups {
                var group = DeleteGroupsResponse.Group()
                group.groupID = id
                group.error = await groups.delete(id, request.client.user)
                response.results.append(group)
            }
            answer(Answer(response, to: request.header))
        }
    }
}

package import EventLog
internal import KafkaProtocol

/// Groups of the service itself, as Kafka's clients may see them: where its exporters and projections are.
package protocol BuiltInGroups: Sendable {
    /// For each group the offsets of what it reads next.
    var offsets: [String: [TopicPartition: Offset]] { get }
}

/// All groups, those of clients and the service's own.
package final class Groups: Sendable {
    let coordinator: GroupCoordinator
    let store: OffsetStore
    let builtIn: any BuiltInGroups

    package init(coordinator: GroupCoordinator, store: OffsetStore, builtIn: any BuiltInGroups) {
        self.coordinator = coordinator
        self.store = store
        self.builtIn = builtIn
    }

    private static let consumerType = "consumer"
    private static let dead = "Dead"

    /// Why somebody may not be a member of a group, or change its offsets; nil: it may.
    func refusal(of group: String, _ user: User) -> KafkaErrorCode? {
        guard user.mayUseGroups, builtIn.offsets[group] == nil else { return .groupAuthorizationFailed }
        return nil
    }

    /// Every group, without its members.
    var all: [DescribeGroupsResponse.Group] {
        let states = coordinator.groups.filter { !$0.isEmpty }
        let others = Set(store.offsets.groups.keys).union(builtIn.offsets.keys).subtracting(states.map(\.id))
        return (states.map(described) + others.map(empty)).sorted { $0.groupID < $1.groupID }
    }

    func described(_ id: String) -> DescribeGroupsResponse.Group {
        if let state = coordinator.group(id), !state.isEmpty { return described(state) }
        if !store[id].isEmpty || builtIn.offsets[id] != nil { return empty(id) }
        var group = DescribeGroupsResponse.Group()
        group.groupID = id
        group.groupState = Self.dead
        return group
    }

    private func described(_ state: GroupState) -> DescribeGroupsResponse.Group {
        var group = DescribeGroupsResponse.Group()
        group.groupID = state.id
        group.groupState = state.phase.rawValue
        group.protocolType = state.protocolType ?? ""
        group.protocolData = state.phase == .stable ? state.protocolName ?? "" : ""
        group.members = state.members.map { member in
            var described = DescribeGroupsResponse.Member()
            (described.memberID, described.groupInstanceID) = (member.id, member.instanceID)
            (described.clientID, described.clientHost) = (member.clientID, "/\(member.clientHost)")
            if state.phase == .stable {
                described.memberMetadata = member.metadata(for: state.protocolName)
                described.memberAssignment = member.assignment
            }
            return described
        }
        return group
    }

    /// Those of clients, with what they have committed.
    var ofClients: [GroupOverview] {
        let (states, offsets) = (coordinator.groups.filter { !$0.isEmpty }, store.offsets)
        let byName = Dictionary(states.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(offsets.groups.keys).union(byName.keys).sorted().map { id in
            GroupOverview(
                name: id, state: (byName[id]?.phase ?? .empty).rawValue, memberCount: byName[id]?.members.count ?? 0,
                offsets: offsets[id].mapValues(\.offset))
        }
    }

    /// One that has offsets and no members.
    private func empty(_ id: String) -> DescribeGroupsResponse.Group {
        var group = DescribeGroupsResponse.Group()
        group.groupID = id
        group.groupState = GroupState.Phase.empty.rawValue
        group.protocolType = Self.consumerType
        return group
    }

    /// Forgets what all groups have committed of a topic that is deleted: another one of its name begins anew.
    package func forget(_ topic: TopicName) async {
        let offsets = store.offsets.groups.flatMap { group, offsets in
            offsets.keys.filter { $0.topic == topic }.map {
                (group: group, partition: $0, committed: nil as GroupOffsets.Committed?)
            }
        }
        _ = await store.keep(offsets)
    }

    /// Forgets groups that have committed nothing for long and of which no member has come for long.
    ///
    /// - Parameter now: milliseconds since 1970.
    package func expire(now: Int64) async {
        let old = store.offsets.groups.filter { group, offsets in
            offsets.values.allSatisfy { $0.timestamp < now - Self.offsetsRetention }
                && coordinator.hasBeenEmpty(group, for: Self.absenceMin)
        }
        _ = await store.keep(
            old.flatMap { group, offsets in
                offsets.keys.map { (group: group, partition: $0, committed: nil as GroupOffsets.Committed?) }
            })
        for group in old.keys { _ = coordinator.remove(group) }
    }

    /// Kafka's `offsets.retention.minutes`, in milliseconds.
    private static let offsetsRetention: Int64 = 7 * 86_400_000
    /// Members may be a while away, and come when the service has been started.
    private static let absenceMin: Int64 = 86_400_000

    func delete(_ id: String, _ user: User) async -> KafkaErrorCode {
        guard user.mayManageSome, refusal(of: id, user) == nil else { return .groupAuthorizationFailed }
        let offsets = store[id]
        guard coordinator.group(id) != nil || !offsets.isEmpty else { return .groupIDNotFound }
        guard coordinator.remove(id) else { return .nonEmptyGroup }
        return await store.keep(offsets.keys.map { (id, $0, nil) }).map(KafkaErrorCode.init) ?? .none
    }
}

/// A group of clients, for whoever wants to know how far it is.
package struct GroupOverview: Sendable {
    package let name: String
    /// As Kafka calls it.
    package let state: String
    package let memberCount: Int
    /// Of what it reads next.
    package let offsets: [TopicPartition: Int64]
}

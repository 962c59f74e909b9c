import KafkaBroker
import KafkaProtocol
import Testing

/// A group from its first member to its last; clients in other processes do the same in the integration tests, by a real clock.
@Suite struct GroupStateTests {
    /// A group, and what its members have heard.
    private struct Harness {
        var group = GroupState(id: "g", mark: "m")
        var now: Int64 = 1000
        private var nextWaiter = 0
        private(set) var joins: [GroupState.Waiter: JoinGroupResponse] = [:]
        private(set) var syncs: [GroupState.Waiter: SyncGroupResponse] = [:]

        mutating func take(_ actions: [GroupState.Action]) {
            for action in actions {
                switch action {
                case .joined(let waiter, let response):
                    #expect(joins.updateValue(response, forKey: waiter) == nil, "answered twice")
                case .synced(let waiter, let response):
                    #expect(syncs.updateValue(response, forKey: waiter) == nil, "answered twice")
                }
            }
        }

        /// - Returns: whom it answers.
        mutating func join(
            _ id: String = "", protocols: [String] = ["range"], metadata: [UInt8] = [1], instance: String? = nil,
            comesTwice: Bool = false,
            session: Int32 = 10_000, rebalance: Int32 = 30_000, type: String = "consumer", membersMax: Int = 10
        ) -> GroupState.Waiter {
            nextWaiter += 1
            var request = JoinGroupRequest()
            (request.groupID, request.memberID, request.groupInstanceID) = ("g", id, instance)
            (request.sessionTimeoutMilliseconds, request.rebalanceTimeoutMilliseconds) = (session, rebalance)
            request.protocolType = type
            request.protocols = protocols.map { name in
                var found = JoinGroupRequest.GroupProtocol()
                (found.name, found.metadata) = (name, metadata)
                return found
            }
            let joining = GroupState.Joining(
                request: request, clientID: "client", clientHost: "host", comesTwice: comesTwice, membersMax: membersMax)
            take(group.join(joining, nextWaiter, now: now))
            return nextWaiter
        }

        mutating func sync(_ id: String, generation: Int32? = nil, assignments: [(String, [UInt8])] = []) -> GroupState.Waiter {
            nextWaiter += 1
            var request = SyncGroupRequest()
            (request.groupID, request.memberID, request.generationID) = ("g", id, generation ?? group.generation)
            request.assignments = assignments.map { id, bytes in
                var assignment = SyncGroupRequest.Assignment()
                (assignment.memberID, assignment.assignment) = (id, bytes)
                return assignment
            }
            take(group.sync(request, nextWaiter, now: now))
            return nextWaiter
        }

        mutating func heartbeat(_ id: String, generation: Int32? = nil) -> KafkaErrorCode {
            var request = HeartbeatRequest()
            (request.groupID, request.memberID, request.generationID) = ("g", id, generation ?? group.generation)
            return group.heartbeat(request, now: now)
        }

        mutating func leave(_ id: String) -> KafkaErrorCode {
            let left = group.leave(id, nil, now: now)
            take(left.actions)
            return left.error
        }

        /// Lets time pass, as a timer would.
        mutating func pass(_ milliseconds: Int64) {
            let end = now + milliseconds
            while let deadline = group.nextDeadline, deadline <= end {
                now = max(now, deadline)
                take(group.expire(now: now))
            }
            now = end
        }

        /// A stable group of so many members; their ids, the leader's first.
        mutating func stable(_ count: Int, session: Int32 = 10_000) -> [String] {
            let waiters = (0..<count).map { _ in join(session: session) }
            pass(GroupState.gatherMilliseconds)
            let ids = waiters.compactMap { joins[$0]?.memberID }
            for id in ids.reversed() {
                _ = sync(id, assignments: id == group.leader ? ids.enumerated().map { ($1, [UInt8($0)]) } : [])
            }
            #expect(group.phase == .stable && ids.count == count && ids[0] == group.leader)
            return ids
        }
    }

    @Test func aMemberAloneLeadsItself() {
        var harness = Harness()
        let waiter = harness.join(protocols: ["range", "roundrobin"], metadata: [7])
        #expect(harness.joins[waiter] == nil && harness.group.phase == .preparing, "others may come")
        harness.pass(GroupState.gatherMilliseconds)
        let joined = harness.joins[waiter]!
        #expect(
            joined.error == .none && joined.generationID == 1 && joined.leader == joined.memberID
                && joined.protocolName == "range")
        #expect(joined.members.map(\.metadata) == [[7]])
        #expect(harness.heartbeat(joined.memberID) == .none)
        let synced = harness.sync(joined.memberID, assignments: [(joined.memberID, [9])])
        #expect(harness.syncs[synced]?.assignment == [9] && harness.group.phase == .stable)
        let again = harness.sync(joined.memberID)
        #expect(harness.syncs[again]?.assignment == [9])
        #expect(harness.leave(joined.memberID) == .none && harness.group.phase == .empty && harness.group.isEmpty)
    }

    @Test func whoeverComesLaterMakesAllJoinAgain() {
        var harness = Harness()
        let ids = harness.stable(2)
        let third = harness.join()
        #expect(ids.allSatisfy { harness.heartbeat($0) == .rebalanceInProgress })
        #expect(
            harness.group.maySet(offsetsOf: ids[0], nil, generation: 1, now: harness.now) == .none,
            "what was read can be committed still")
        let first = harness.join(ids[0])
        #expect(harness.joins[first] == nil && harness.joins[third] == nil)
        let second = harness.join(ids[1])
        for waiter in [first, second, third] { #expect(harness.joins[waiter]?.generationID == 2) }
        #expect(harness.joins[first]?.members.count == 3 && harness.joins[second]?.members.isEmpty == true)
        #expect(harness.heartbeat(ids[0], generation: 1) == .illegalGeneration)
        #expect(harness.group.maySet(offsetsOf: ids[0], nil, generation: 1, now: harness.now) == .illegalGeneration)
        #expect(harness.group.maySet(offsetsOf: ids[0], nil, generation: 2, now: harness.now) == .rebalanceInProgress)
        // Whoever asks for its assignment before the leader has brought it waits.
        let waiting = harness.sync(ids[1])
        #expect(harness.syncs[waiting] == nil)
        _ = harness.sync(ids[0], assignments: [(ids[1], [5])])
        #expect(harness.syncs[waiting]?.assignment == [5])
        let forgotten = harness.sync(harness.joins[third]!.memberID)
        #expect(harness.syncs[forgotten]?.assignment == [], "the leader has nothing for it")
    }

    @Test func whoeverIsSilentIsDead() {
        var harness = Harness()
        let ids = harness.stable(3)
        for _ in 0..<4 {
            harness.pass(3000)
            for id in ids[1...] where harness.group.members.contains(where: { $0.id == ids[0] }) {
                #expect(harness.heartbeat(id) == .none)
            }
        }
        #expect(harness.group.phase == .preparing && harness.heartbeat(ids[0]) == .unknownMemberID)
        #expect(ids[1...].allSatisfy { harness.heartbeat($0) == .rebalanceInProgress })
        let (first, second) = (harness.join(ids[1]), harness.join(ids[2]))
        #expect(harness.joins[first]?.leader == ids[1] && harness.joins[second]?.generationID == 2)
    }

    @Test func whoeverDoesNotJoinAgainInTimeIsLeftOut() {
        var harness = Harness()
        let ids = harness.stable(2, session: 60_000)
        let waiter = harness.join()
        let again = harness.join(ids[1])
        harness.pass(29_999)
        #expect(harness.joins[waiter] == nil)
        harness.pass(1)
        #expect(harness.joins[waiter]?.generationID == 2 && harness.joins[again]?.generationID == 2)
        #expect(harness.group.members.count == 2 && harness.heartbeat(ids[0]) == .unknownMemberID)
    }

    @Test func aMemberOfToDayComesTwice() {
        var harness = Harness()
        let first = harness.join(comesTwice: true)
        let id = harness.joins[first]!.memberID
        #expect(harness.joins[first]?.error == .memberIDRequired && harness.group.members.isEmpty && !harness.group.isEmpty)
        let second = harness.join(id, comesTwice: true)
        harness.pass(GroupState.gatherMilliseconds)
        #expect(harness.joins[second]?.memberID == id && harness.joins[second]?.generationID == 1)
        // One that never comes back is forgotten.
        _ = harness.join(comesTwice: true)
        #expect(harness.leave(id) == .none)
        harness.pass(10_000)
        #expect(harness.group.isEmpty)
    }

    @Test func strangersAreRefused() {
        var harness = Harness()
        let ids = harness.stable(2)
        let refused = [
            harness.join("somebody"), harness.join(protocols: ["sticky"]), harness.join(type: "connect"),
            harness.join(protocols: []),
            harness.join(membersMax: 2),
        ]
        #expect(
            refused.map { harness.joins[$0]?.error } == [
                .unknownMemberID, .inconsistentGroupProtocol, .inconsistentGroupProtocol, .inconsistentGroupProtocol,
                .groupMaxSizeReached,
            ])
        let (stranger, late) = (harness.sync("somebody"), harness.sync(ids[0], generation: 7))
        #expect(harness.syncs[stranger]?.error == .unknownMemberID && harness.syncs[late]?.error == .illegalGeneration)
        #expect(harness.heartbeat("somebody") == .unknownMemberID && harness.leave("somebody") == .unknownMemberID)
        #expect(harness.group.maySet(offsetsOf: "", nil, generation: -1, now: 0) == .unknownMemberID, "the group has members")
        #expect(harness.group.phase == .stable, "none of it has disturbed the others")
    }

    @Test func theProtocolIsOneThatAllKnow() {
        var harness = Harness()
        let waiters = [["a", "b", "c"], ["c", "b"], ["b", "c"]].map { harness.join(protocols: $0) }
        harness.pass(GroupState.gatherMilliseconds)
        #expect(waiters.allSatisfy { harness.joins[$0]?.protocolName == "b" }, "two of three like it best")
    }

    @Test func oneThatIsStartedAnewTakesItsOwnPlace() {
        var harness = Harness()
        let old = harness.join(instance: "shop-1")
        harness.pass(GroupState.gatherMilliseconds)
        let id = harness.joins[old]!.memberID
        _ = harness.sync(id, assignments: [(id, [1])])
        let new = harness.join(instance: "shop-1")
        harness.pass(GroupState.gatherMilliseconds)
        #expect(
            harness.group.members.count == 1 && harness.joins[new]?.memberID != id
                && harness.joins[new]?.error == KafkaErrorCode.none)
        #expect(harness.group.maySet(offsetsOf: id, "shop-1", generation: harness.group.generation, now: 0) == .fencedInstanceID)
    }

    @Test func whoeverDidNotHearTheAnswerHearsItAgain() {
        var harness = Harness()
        let ids = harness.stable(2)
        let again = harness.join(ids[1])
        #expect(
            harness.joins[again]?.generationID == 1 && harness.group.phase == .stable,
            "a follower that says the same disturbs nobody")
        let changed = harness.join(ids[1], metadata: [2])
        #expect(harness.joins[changed] == nil && harness.group.phase == .preparing)
    }
}

import EventLog
import KafkaBroker
import KafkaProtocol
import LogStorage
import NIOPosix
import Synchronization
import TestSupport
import Testing

/// What groups leave behind, and for how long; the integration tests have clients that share them.
@Suite struct GroupsTests {
    private struct NoGroups: BuiltInGroups {
        let offsets: [String: [TopicPartition: Offset]] = [:]
    }

    private static let day: Int64 = 86_400_000
    private let directory = TemporaryDirectory()
    private let topics = ["orders", "others"].map { TopicName($0)! }

    private func open() throws -> EmbeddedLog {
        try EmbeddedLog.open(
            LogDirectory(directory.file("log")),
            topics: topics.map { TopicDefinition(name: $0, partitionCount: 2, keepsIdentities: false) }, options: LogOptions())
    }

    private func change(_ group: String, _ topic: TopicName, at timestamp: Int64) -> OffsetStore.Change {
        (group, TopicPartition(topic, PartitionID(1)), .init(offset: 7, leaderEpoch: 0, metadata: "", timestamp: timestamp))
    }

    private func coordinator(_ limits: BrokerLimits = BrokerLimits(), _ uptime: @escaping @Sendable () -> Int64)
        -> GroupCoordinator
    {
        GroupCoordinator(limits: limits, timers: MultiThreadedEventLoopGroup.singleton.next(), uptime: uptime)
    }

    private func join(_ group: String, _ metadata: [UInt8], _ coordinator: GroupCoordinator) async -> KafkaErrorCode {
        var request = JoinGroupRequest()
        (request.groupID, request.protocolType) = (group, "consumer")
        // Far longer than a busy machine lets a test wait between two members: none is to be taken for gone.
        (request.sessionTimeoutMilliseconds, request.rebalanceTimeoutMilliseconds) = (1_800_000, 1_800_000)
        var range = JoinGroupRequest.GroupProtocol()
        (range.name, range.metadata) = ("range", metadata)
        request.protocols = [range]
        return await withCheckedContinuation { continuation in
            coordinator.join(request, clientID: "c", clientHost: "h", comesTwice: false) {
                continuation.resume(returning: $0.error)
            }
        }
    }

    @Test func whatNobodyUsesForAWeekIsForgottenAndStaysSo() async throws {
        var log = try open()
        let uptime = Clock()
        let store = OffsetStore(log: log, now: { 0 })
        let coordinator = coordinator { uptime.now }
        let groups = Groups(coordinator: coordinator, store: store, builtIn: NoGroups())
        #expect(
            await store.keep([
                change("old", topics[0], at: 0), change("used", topics[0], at: 0), change("used", topics[1], at: 2 * Self.day),
                change("present", topics[0], at: 0),
            ]) == nil)
        #expect(await join("present", [1], coordinator) == .none)
        // Old enough, but its members may be on their way since the service was started.
        await groups.expire(now: 8 * Self.day)
        #expect(store.offsets.groups.keys.sorted() == ["old", "present", "used"])
        uptime.advance(by: Self.day)
        await groups.expire(now: 7 * Self.day)
        #expect(store.offsets.groups.keys.sorted() == ["old", "present", "used"], "not for more than a week")
        await groups.expire(now: 8 * Self.day)
        #expect(store.offsets.groups.keys.sorted() == ["present", "used"] && store.offsets.count == 3)
        log.close()
        log = try open()
        defer { log.close() }
        let again = OffsetStore(log: log, now: { 0 })
        try await again.open()
        #expect(again.offsets.groups == store.offsets.groups)
    }

    @Test func offsetsOfATopicThatIsDeletedGoWithIt() async throws {
        let log = try open()
        defer { log.close() }
        let store = OffsetStore(log: log, now: { 0 })
        let groups = Groups(coordinator: coordinator { 0 }, store: store, builtIn: NoGroups())
        #expect(
            await store.keep([change("a", topics[0], at: 0), change("a", topics[1], at: 0), change("b", topics[0], at: 0)]) == nil
        )
        await groups.forget(topics[0])
        #expect(store.offsets.groups.mapValues { $0.keys.map(\.topic) } == ["a": [topics[1]]])
        #expect(store.offsets.count == 1 && store.offsets.byteCount == 201)
    }

    @Test func membersTogetherMaySayOnlySoMuch() async {
        var limits = BrokerLimits()
        limits.groupBytesMax = 1000
        let coordinator = coordinator(limits) { 0 }
        #expect(await join("a", Array(repeating: 1, count: 600), coordinator) == .none)
        #expect(await join("b", Array(repeating: 1, count: 600), coordinator) == .groupMaxSizeReached)
        #expect(await join("c", [1], coordinator) == .none)
        #expect(await join(String(repeating: "n", count: 256), [1], coordinator) == .invalidGroupID)
        #expect(await join("", [1], coordinator) == .invalidGroupID)
    }
}

private final class Clock: Sendable {
    private let time = Mutex<Int64>(0)
    var now: Int64 { time.withLock { $0 } }
    func advance(by milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}

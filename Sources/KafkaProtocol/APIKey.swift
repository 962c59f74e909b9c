/// The requests that are understood, by Kafka's numbers.
package enum APIKey: Int16, CaseIterable, Sendable {
    case produce = 0
    case fetch = 1
    case listOffsets = 2
    case metadata = 3
    case offsetCommit = 8
    case offsetFetch = 9
    case findCoordinator = 10
    case joinGroup = 11
    case heartbeat = 12
    case leaveGroup = 13
    case syncGroup = 14
    case describeGroups = 15
    case listGroups = 16
    case saslHandshake = 17
    case apiVersions = 18
    case createTopics = 19
    case deleteTopics = 20
    case deleteRecords = 21
    case initProducerID = 22
    case offsetForLeaderEpoch = 23
    case describeConfigs = 32
    case saslAuthenticate = 36
    case createPartitions = 37
    case deleteGroups = 42
    case offsetDelete = 47
    case describeCluster = 60

    /// The versions that are read and written.
    package var versions: ClosedRange<Int16> {
        switch self {
        // Those before write and read the formats of records that came before the batch.
        case .produce: 3...9
        case .fetch: 4...12
        case .listOffsets: 0...7
        case .metadata: 0...12
        case .offsetCommit: 0...8
        case .offsetFetch: 0...8
        case .findCoordinator: 0...4
        case .joinGroup: 0...9
        case .heartbeat: 0...4
        case .leaveGroup: 0...5
        case .syncGroup: 0...5
        case .describeGroups: 0...5
        case .listGroups: 0...4
        case .saslHandshake: 0...1
        case .apiVersions: 0...3
        case .createTopics: 0...7
        case .deleteTopics: 0...6
        case .deleteRecords: 0...2
        case .initProducerID: 0...4
        case .offsetForLeaderEpoch: 0...4
        case .describeConfigs: 0...4
        case .saslAuthenticate: 0...2
        case .createPartitions: 0...3
        case .deleteGroups: 0...2
        case .offsetDelete: 0...0
        case .describeCluster: 0...1
        }
    }

    /// The versions that clients are told of. librdkafka looks for exact old ranges and does without compression, or more, where one is missing; so
    /// those are named too that are refused then.
    package var advertisedVersions: ClosedRange<Int16> { 0...versions.upperBound }

    /// The first version with compact lengths and tags; nil: none.
    private var firstFlexible: Int16? {
        switch self {
        case .produce: 9
        case .fetch: 12
        case .listOffsets: 6
        case .metadata: 9
        case .offsetCommit: 8
        case .offsetFetch: 6
        case .findCoordinator: 3
        case .joinGroup: 6
        case .heartbeat, .leaveGroup, .syncGroup: 4
        case .describeGroups: 5
        case .listGroups: 3
        case .saslHandshake, .offsetDelete: nil
        case .apiVersions: 3
        case .createTopics: 5
        case .deleteTopics: 4
        case .deleteRecords, .initProducerID, .saslAuthenticate, .createPartitions, .deleteGroups: 2
        case .offsetForLeaderEpoch, .describeConfigs: 4
        case .describeCluster: 0
        }
    }

    package func isFlexible(_ version: Int16) -> Bool { firstFlexible.map { version >= $0 } ?? false }
}

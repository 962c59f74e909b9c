internal import KafkaProtocol
internal import NIOCore

/// Which handler serves which request.
struct RequestRouter: Sendable {
    let broker: Broker
    let groups: Groups
    let fetch: FetchHandler
    private let produce: ProduceHandler
    private let listOffsets: ListOffsetsHandler

    init(broker: Broker, groups: Groups, fetch: FetchHandler) {
        self.broker = broker
        self.groups = groups
        self.fetch = fetch
        produce = ProduceHandler(broker: broker)
        listOffsets = ListOffsetsHandler(broker: broker)
    }

    /// Serves a request of somebody who is known.
    ///
    /// - Parameters:
    ///   - onAccepted: called when the connection's next request may be served, at the latest with the answer.
    ///   - answer: called once, on any thread.
    func serve(
        _ api: APIKey, _ request: Request, onAccepted: @escaping @Sendable () -> Void,
        _ answer: @escaping @Sendable (Answer) -> Void
    ) {
        let alone: @Sendable (Answer) -> Void = {
            answer($0)
            onAccepted()
        }
        switch api {
        case .produce: produce.serve(request, onAccepted: onAccepted, answer)
        case .fetch: fetch.serve(request, alone)
        case .listOffsets: listOffsets.serve(request, alone)
        case .metadata: MetadataHandler(broker: broker).serve(request, alone)
        case .offsetCommit: OffsetCommitHandler(broker: broker, groups: groups).serve(request, alone)
        case .offsetFetch: OffsetFetchHandler(groups: groups).serve(request, alone)
        case .findCoordinator: FindCoordinatorHandler(broker: broker).serve(request, alone)
        case .joinGroup: JoinGroupHandler(groups: groups).serve(request, alone)
        case .heartbeat: HeartbeatHandler(groups: groups).serve(request, alone)
        case .leaveGroup: LeaveGroupHandler(groups: groups).serve(request, alone)
        case .syncGroup: SyncGroupHandler(groups: groups).serve(request, alone)
        case .describeGroups: DescribeGroupsHandler(groups: groups).serve(request, alone)
        case .listGroups: ListGroupsHandler(groups: groups).serve(request, alone)
        case .createTopics: CreateTopicsHandler(broker: broker).serve(request, alone)
        case .deleteTopics: DeleteTopicsHandler(broker: broker, groups: groups).serve(request, alone)
        case .deleteRecords: DeleteRecordsHandler(broker: broker).serve(request, alone)
        case .initProducerID: ProducerIDHandler().serve(request, alone)
        case .offsetForLeaderEpoch: OffsetForLeaderEpochHandler(broker: broker).serve(request, alone)
        case .describeConfigs: DescribeConfigsHandler(broker: broker).serve(request, alone)
        case .createPartitions: CreatePartitionsHandler(broker: broker).serve(request, alone)
        case .deleteGroups: DeleteGroupsHandler(groups: groups).serve(request, alone)
        case .offsetDelete: OffsetDeleteHandler(broker: broker, groups: groups).serve(request, alone)
        case .describeCluster: DescribeClusterHandler(broker: broker).serve(request, alone)
        case .apiVersions, .saslHandshake, .saslAuthenticate: preconditionFailure("the connection answers these itself")
        }
    }
}

/// The versions of the requests that are served.
enum ServedVersions {
    static func response(_ error: KafkaErrorCode = .none) -> APIVersionsResponse {
        var response = APIVersionsResponse()
        response.error = error
        response.ranges = (error == .none ? APIKey.allCases : [.apiVersions]).map { api in
            var range = APIVersionsResponse.Range()
            range.api = api.rawValue
            range.minVersion = api.advertisedVersions.lowerBound
            range.maxVersion = api.advertisedVersions.upperBound
            return range
        }
        return response
    }
}

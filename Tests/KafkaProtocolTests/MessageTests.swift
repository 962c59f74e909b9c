import Foundation
import KafkaProtocol
import Testing

/// Against what another implementation writes.
@Suite struct MessageTests {
    struct Sample {
        let name: String
        let version: Int16
        let bytes: [UInt8]
    }

    static let messages: [any KafkaMessage.Type] = [
        ProduceRequest.self, ProduceResponse.self, FetchRequest.self, FetchResponse.self, ListOffsetsRequest.self,
        ListOffsetsResponse.self,
        MetadataRequest.self, MetadataResponse.self, OffsetCommitRequest.self, OffsetCommitResponse.self, OffsetFetchRequest.self,
        OffsetFetchResponse.self, FindCoordinatorRequest.self, FindCoordinatorResponse.self, JoinGroupRequest.self,
        JoinGroupResponse.self,
        HeartbeatRequest.self, HeartbeatResponse.self, LeaveGroupRequest.self, LeaveGroupResponse.self, SyncGroupRequest.self,
        SyncGroupResponse.self, DescribeGroupsRequest.self, DescribeGroupsResponse.self, ListGroupsRequest.self,
        ListGroupsResponse.self,
        SASLHandshakeRequest.self, SASLHandshakeResponse.self, APIVersionsRequest.self, APIVersionsResponse.self,
        CreateTopicsRequest.self,
        CreateTopicsResponse.self, DeleteTopicsRequest.self, DeleteTopicsResponse.self, DeleteRecordsRequest.self,
        DeleteRecordsResponse.self,
        InitProducerIDRequest.self, InitProducerIDResponse.self, OffsetForLeaderEpochRequest.self,
        OffsetForLeaderEpochResponse.self,
        DescribeConfigsRequest.self, DescribeConfigsResponse.self, SASLAuthenticateRequest.self, SASLAuthenticateResponse.self,
        CreatePartitionsRequest.self, CreatePartitionsResponse.self, DeleteGroupsRequest.self, DeleteGroupsResponse.self,
        OffsetDeleteRequest.self, OffsetDeleteResponse.self, DescribeClusterRequest.self, DescribeClusterResponse.self,
    ]

    /// By the names that kafka-python gives them.
    static let byName = Dictionary(uniqueKeysWithValues: messages.map { (String(describing: $0).lowercased(), $0) })

    static let samples: [Sample] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("Fixtures/kafka-messages/kafka-python.txt")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map { line in
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            let digits = Array(parts[2].utf8)
            return Sample(
                name: String(parts[0]), version: Int16(parts[1])!,
                bytes: stride(from: 0, to: digits.count, by: 2).map {
                    UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
                })
        }
    }()

    /// What is written again of a message that was read.
    static func rewritten<Message: KafkaMessage>(_ type: Message.Type, _ bytes: [UInt8], _ version: Int16) throws -> [UInt8] {
        var message = try bytes.withUnsafeBytes { try Message(reading: $0, version: version) }
        func copy(_ records: inout RecordsField) { if case .place(let place) = records { records = .bytes(Array(bytes[place])) } }
        if var request = message as? ProduceRequest {
            for topic in request.topics.indices {
                for partition in request.topics[topic].partitions.indices {
                    copy(&request.topics[topic].partitions[partition].records)
                }
            }
            message = request as! Message
        } else if var response = message as? FetchResponse {
            for topic in response.topics.indices {
                for partition in response.topics[topic].partitions.indices {
                    copy(&response.topics[topic].partitions[partition].records)
                }
            }
            message = response as! Message
        }
        return try message.encoded(version: version)
    }

    @Test func eachIsWrittenAsItWasRead() throws {
        for sample in Self.samples {
            let type = try #require(Self.byName[sample.name.lowercased()])
            #expect(try Self.rewritten(type, sample.bytes, sample.version) == sample.bytes, "\(sample.name) \(sample.version)")
        }
    }

    @Test func everyVersionOfEachIsAmongThem() {
        for type in Self.messages {
            let name = String(describing: type).lowercased()
            #expect(Set(Self.samples.filter { $0.name.lowercased() == name }.map(\.version)) == Set(type.api.versions), "\(name)")
        }
        for api in APIKey.allCases { #expect(Self.messages.count { $0.api == api } == 2, "\(api)") }
    }

    /// What it is cut off from is no message.
    @Test func eachIsNeededToItsLastByte() throws {
        for sample in Self.samples {
            let type = try #require(Self.byName[sample.name.lowercased()])
            for end in stride(from: 0, to: sample.bytes.count, by: 1 + sample.bytes.count / 50) {
                #expect(throws: KafkaProtocolError.self, "\(sample.name) \(sample.version) up to \(end)") {
                    try Array(sample.bytes[..<end]).withUnsafeBytes { _ = try type.init(reading: $0, version: sample.version) }
                }
            }
            #expect(throws: KafkaProtocolError.trailingBytes(1)) {
                try (sample.bytes + [0]).withUnsafeBytes { _ = try type.init(reading: $0, version: sample.version) }
            }
        }
    }

    @Test func theHeaderOfAnAnswerIsThatOfItsVersion() throws {
        #expect(try HeartbeatResponse().answer(7, version: 3).bytes == [0, 0, 0, 7, 0, 0, 0, 0, 0, 0])
        #expect(try HeartbeatResponse().answer(7, version: 4).bytes == [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(try APIVersionsResponse().answer(7, version: 3).bytes == [0, 0, 0, 7, 0, 0, 1, 0, 0, 0, 0, 0])
    }

    @Test func aHeaderIsReadAsItWasWritten() throws {
        for (api, version) in [(APIKey.heartbeat, Int16(3)), (.heartbeat, 4), (.apiVersions, 3), (.saslHandshake, 1)] {
            for client in [nil, "", "kcat"] {
                let header = RequestHeader(api: api.rawValue, version: version, correlationID: -5, clientID: client)
                var writer = FieldWriter(version: version, isFlexible: api.isFlexible(version))
                try header.write(&writer)
                let (read, end) = try (writer.bytes + [1, 2]).withUnsafeBytes { bytes throws(KafkaProtocolError) in
                    try RequestHeader.read(bytes)
                }
                #expect(read == header && end == writer.bytes.count)
            }
        }
    }

    /// Whoever asks for what is not there is told so, and for that only this is needed.
    @Test func ofARequestThatIsNotUnderstoodTheBeginningIsRead() throws {
        for (api, version) in [(Int16(99), Int16(0)), (-1, 0), (0, 2), (0, 10), (18, 99)] {
            let bytes: [UInt8] =
                [api, version].flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] } + [
                    0, 0, 0, 9, 0xFF,
                ]
            let (header, _) = try bytes.withUnsafeBytes { bytes throws(KafkaProtocolError) in try RequestHeader.read(bytes) }
            #expect(header == RequestHeader(api: api, version: version, correlationID: 9, clientID: nil))
        }
    }
}

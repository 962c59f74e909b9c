import Glibc
import KafkaProtocol
import RecordFormat

/// What libFuzzer calls with bytes of its own: they are read as a request of a Kafka client, as an answer, and as a record batch, as the service reads
/// them. Nothing may trap, whatever they are; and what is read and written again is read as the same.
private func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    readRequest(bytes)
    readBatch(bytes)
    return 0
}

private func readRequest(_ bytes: UnsafeRawBufferPointer) {
    guard let (header, end) = try? RequestHeader.read(bytes), let api = APIKey(rawValue: header.api),
        api.versions.contains(header.version)
    else { return }
    for type in requests where type.api == api { read(type, bytes, at: end, header.version) }
    for type in responses where type.api == api { read(type, bytes, at: end, header.version) }
}

private func read<Message: KafkaMessage>(_: Message.Type, _ bytes: UnsafeRawBufferPointer, at start: Int, _ version: Int16) {
    guard let message = try? Message(reading: bytes, at: start, version: version, isAll: false) else { return }
    // Those of records stand in the bytes that were read, and are not written from there.
    if Message.api == .produce || Message.api == .fetch { return }
    guard let written = try? message.encoded(version: version) else { return }
    let again = written.withUnsafeBytes { try? Message(reading: $0, version: version) }
    precondition(again == message, "\(Message.self) of version \(version) is read as another one than it was written")
}

private func readBatch(_ bytes: UnsafeRawBufferPointer) {
    // Also with a checksum that is right, which no fuzzer finds by chance.
    guard var header = try? RecordBatchHeader(reading: bytes), bytes.count >= header.totalBytes else { return }
    var batch = GrowableBytes(capacity: header.totalBytes)
    batch.append(copying: UnsafeRawBufferPointer(rebasing: bytes[..<header.totalBytes]))
    header.seal(batch.base, byteCount: header.totalBytes)
    guard let checked = try? RecordBatchReader.checkedHeader(batch.bytes) else { return }
    var reader = RecordBatchReader()
    var sum = 0
    try? reader.forEachRecord(in: batch.bytes, header: checked) { record in
        sum &+= (record.key?.count ?? 0) &+ (record.value?.reduce(0) { $0 &+ Int($1) } ?? 0)
        record.forEachHeader { name, value in sum &+= name.count &+ (value?.count ?? 0) }
    }
}

/// libFuzzer, as a library: it takes its options from the command line.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ argumentCount: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@main
struct KafkaFuzz {
    static func main() {
        var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
        exit(runFuzzer(&count, &arguments) { fuzzOne($0, $1) })
    }
}

private let requests: [any KafkaMessage.Type] = [
    ProduceRequest.self, FetchRequest.self, ListOffsetsRequest.self, MetadataRequest.self, OffsetCommitRequest.self,
    OffsetFetchRequest.self, FindCoordinatorRequest.self, JoinGroupRequest.self, HeartbeatRequest.self, LeaveGroupRequest.self,
    SyncGroupRequest.self, DescribeGroupsRequest.self, ListGroupsRequest.self, SASLHandshakeRequest.self, APIVersionsRequest.self,
    CreateTopicsRequest.self, DeleteTopicsRequest.self, DeleteRecordsRequest.self, InitProducerIDRequest.self,
    OffsetForLeaderEpochRequest.self, DescribeConfigsRequest.self, SASLAuthenticateRequest.self, CreatePartitionsRequest.self,
    DeleteGroupsRequest.self, OffsetDeleteRequest.self, DescribeClusterRequest.self,
]

private let responses: [any KafkaMessage.Type] = [
    ProduceResponse.self, FetchResponse.self, ListOffsetsResponse.self, MetadataResponse.self, OffsetCommitResponse.self,
    OffsetFetchResponse.self, FindCoordinatorResponse.self, JoinGroupResponse.self, HeartbeatResponse.self,
    LeaveGroupResponse.self,
    SyncGroupResponse.self, DescribeGroupsResponse.self, ListGroupsResponse.self, SASLHandshakeResponse.self,
    APIVersionsResponse.self, CreateTopicsResponse.self, DeleteTopicsResponse.self, DeleteRecordsResponse.self,
    InitProducerIDResponse.self, OffsetForLeaderEpochResponse.self, DescribeConfigsResponse.self, SASLAuthenticateResponse.self,
    CreatePartitionsResponse.self, DeleteGroupsResponse.self, OffsetDeleteResponse.self, DescribeClusterResponse.self,
]

internal import Ingestion
internal import NIOCore

/// A request that takes events while it comes in. Its head, and each piece of its body, may already be reason to refuse it.
final class EventsArrival {
    let request: EventsRequest
    let pipeline: IngestPipeline
    private let encoding: BodyEncoding
    private let bodyBytesMax: Int
    private let proxies: TrustedProxies
    private var body: BodyCollection

    init(_ request: EventsRequest, _ edge: EventsEdge) throws(IngestError) {
        self.request = request
        pipeline = try edge.status.pipeline()
        encoding = try request.encoding
        bodyBytesMax = edge.limits.at(request.endpoint).payloadBytes
        proxies = edge.proxies
        body = BodyCollection(bytesMax: bodyBytesMax)
        if let length = request.contentLength, length > bodyBytesMax { throw tooLarge }
    }

    func add(_ piece: ByteBuffer) throws(IngestError) {
        if !body.add(piece) { throw tooLarge }
    }

    /// To be called once all of the body is there, which is not kept longer.
    func prepare(peer: IPAddress) throws(IngestError) -> PreparedRequest {
        let ingest = IngestRequest(
            endpoint: request.endpoint, encoding: encoding, writeKey: request.writeKey, origin: request.origin,
            clientAddress: proxies.clientAddress(
                peer: peer, xForwardedFor: request.xForwardedFor, forwarded: request.forwarded),
            userAgent: request.userAgent, wantsReceipts: request.wantsReceipts)
        let body = exchange(&body, with: BodyCollection(bytesMax: 0))
        return try body.bytes.withUnsafeReadableBytes { bytes in
            Result { () throws(IngestError) in try pipeline.prepare(ingest, body: bytes) }
        }.get()
    }

    private var tooLarge: IngestError {
        IngestError(.payloadTooLarge, "the body has more than \(bodyBytesMax) bytes")
    }
}

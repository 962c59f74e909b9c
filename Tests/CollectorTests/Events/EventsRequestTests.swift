import Collector
import Ingestion
import NIOHTTP1
import Testing

@Suite struct EventsRequestTests {
    static func request(
        _ uri: String = "/api/events", _ method: HTTPMethod = .POST, _ headers: [(String, String)] = [],
        version: HTTPVersion = .http1_1
    ) -> EventsRequest? {
        EventsRequest(HTTPRequestHead(version: version, method: method, uri: uri, headers: HTTPHeaders(headers)))
    }

    @Test(arguments: [
        ("/api/events", IngestEndpoint.events), ("/api/events/batch", .batch), ("/api/events/identify", .identify),
        ("/api/events/page", .page), ("/api/events/track", .track), ("/api/events?a=b", .events),
        ("/api/events/page?", .page), ("/api/events/", .events), ("/api//events/track", .track), ("//api/events", .events),
        ("http://localhost:8080/api/events/batch?x", .batch), ("/v1/track", .segmentTrack), ("/v1/t", .segmentTrack),
        ("/v1/identify", .segmentIdentify), ("/v1/i", .segmentIdentify), ("/v1/page", .segmentPage), ("/v1/p?x", .segmentPage),
        ("/v1/screen", .segmentScreen), ("/v1/s", .segmentScreen), ("/v1/group", .segmentGroup), ("/v1/g/", .segmentGroup),
        ("/v1/alias", .segmentAlias), ("//v1//a", .segmentAlias), ("/v1/batch", .segmentBatch),
        ("http://localhost/v1/b", .segmentBatch),
    ])
    func itsAddressesAreOurs(_ uri: String, _ endpoint: IngestEndpoint) { #expect(Self.request(uri)?.endpoint == endpoint) }

    @Test(arguments: [
        "/", "", "*", "/api", "/events", "/api/events/events", "/api/events/batch/x", "/v1", "/v1/", "/v1/x", "/v1/tr",
        "/v1/track/x", "/v1/v1/track", "/api/events/v1/track", "/V1/track", "/v2/track", "/api/v1/track", "/api/event",
        "/api/eventsx", "/API/events",
        "/api/%65vents", "/x?/api/events", "localhost/api/events", "http://localhost", "api/events",
    ])
    func otherAddressesAreNot(_ uri: String) { #expect(Self.request(uri) == nil) }

    @Test(arguments: [HTTPMethod.GET, .HEAD, .OPTIONS, .PUT, .DELETE, .RAW(value: "post")])
    func otherMethodsAreNot(_ method: HTTPMethod) { #expect(Self.request("/api/events", method) == nil) }

    @Test func fieldsAreFoundInWhateverCase() throws {
        let request = try #require(
            Self.request(
                "/api/events", .POST,
                [
                    ("ORIGIN", "https://okla.com.do"), ("content-LENGTH", "12"), ("Content-Encoding", "gzip"),
                    ("x-Write-key", "k"), ("X-Write-Kez", "z"), ("Orange", "o"),
                ]))
        #expect(request.origin == "https://okla.com.do")
        #expect(request.contentLength == 12)
        #expect(try request.encoding == .gzip)
        #expect(request.writeKey == "k")
        #expect(!request.wantsReceipts && !request.isLast)
    }

    @Test func whatIsNotThereIsNil() throws {
        let request = try #require(Self.request())
        #expect(request.origin == nil && request.contentLength == nil && request.writeKey == nil)
        #expect(try request.encoding == .identity)
    }

    @Test func theWriteKeyIsTakenFromTheFirstOfItsPlaces() throws {
        let header = ("X-Write-Key", "header")
        let (basic, bearer) = (("Authorization", "Basic dXNlcjo="), ("Authorization", "Bearer x"))
        func key(_ headers: [(String, String)]) -> String? {
            Self.request("/api/events?writeKey=par%61meter", .POST, headers)?.writeKey
        }
        #expect(key([basic, header]) == "header")
        #expect(key([basic]) == "user")
        #expect(key([bearer]) == "parameter")
        #expect(key([]) == "parameter")
        #expect(key([header, header]) == "header, header", "which is no key: repeated fields are a list")
    }

    @Test func anUnknownEncodingIsRefused() throws {
        let request = try #require(Self.request("/api/events", .POST, [("Content-Encoding", "br")]))
        #expect(throws: IngestError.self) { try request.encoding }
    }

    @Test(arguments: [("/api/events", true), ("/v1/batch", false), ("/v1/b", true), ("/v1/track", false), ("/v1/t", true)])
    func theUserAgentOfALibraryOnAServerIsNotTheUsers(_ uri: String, _ isOfUser: Bool) throws {
        let request = try #require(Self.request(uri, .POST, [("User-Agent", "analytics-python/2.4.0")]))
        #expect(request.userAgent == (isOfUser ? "analytics-python/2.4.0" : nil))
    }

    @Test func receiptsAreWantedWhereTheParameterSaysSo() {
        #expect(Self.request("/api/events?receipts=true")?.wantsReceipts == true)
        #expect(Self.request("/api/events?writeKey=k&receipts=%74rue")?.wantsReceipts == true)
        #expect(Self.request("/api/events?receipts=false")?.wantsReceipts == false)
        #expect(Self.request("/api/events?receipts")?.wantsReceipts == false)
    }

    @Test func theClientSaysWhichRequestIsItsLast() {
        #expect(Self.request("/api/events", .POST, [("Connection", "close")])?.isLast == true)
        #expect(Self.request("/api/events", .POST, [("Connection", "Keep-Alive")])?.isLast == false)
        #expect(Self.request(version: .http1_0)?.isLast == true)
        #expect(Self.request("/api/events", .POST, [("Connection", "keep-alive")], version: .http1_0)?.isLast == false)
    }
}

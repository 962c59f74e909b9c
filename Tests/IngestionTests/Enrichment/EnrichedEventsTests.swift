import EventModel
import Foundation
import Ingestion
import RecordFormat
import TestSupport
import Testing

/// What `context` holds of an event once it is stored.
@Suite struct EnrichedEventsTests {
    static let city = try! GeoDatabase(path: Fixtures.path("geo/city.mmdb"))
    static let parser = try! UserAgentParser(rulesFile: UserAgentParser.defaultRulesFile)
    static let chrome =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    static let googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    static let server = WriteKey(key: "s", name: "server", trustsClientContext: true)

    static func context(
        _ context: String?, key: String = "k", from address: String = "198.18.0.9", userAgent: String? = nil,
        _ enricher: Enricher
    ) async throws -> [String: Any] {
        let bench = IngestPipelineTests.Bench(keys: [WriteKey(key: "k"), server], enricher: enricher)
        let member = context.map { #","context":\#($0)"# } ?? ""
        let report = try await bench.send(
            #"{"event":"a","userId":"u"\#(member)}"#, key: key, from: address, userAgent: userAgent)
        #expect(report.accepted == 1)
        let stored = try JSONSerialization.jsonObject(with: Data(bench.log.records[0].value.utf8))
        return try #require((stored as? [String: Any])?["context"] as? [String: Any])
    }

    static func expect(_ found: [String: Any], _ wanted: String, _ line: SourceLocation = #_sourceLocation) throws {
        let wanted = try #require(try JSONSerialization.jsonObject(with: Data(wanted.utf8)) as? NSDictionary)
        #expect(found as NSDictionary == wanted, "\(found)", sourceLocation: line)
    }

    // MARK: Places and addresses

    static let santoDomingo = try! GeoText.of("192.0.2.1")

    enum GeoText {
        static func of(_ address: String) throws -> String {
            var text = GrowableBytes()
            _ = city.append(geoOf: IPAddress(address)!, to: &text)
            return String(decoding: text.bytes, as: UTF8.self)
        }
    }

    @Test(arguments: [
        (nil, "192.0.2.1", #"{"ip":"192.0.2.1","geo":GEO}"#), ("null", "192.0.2.1", #"{"ip":"192.0.2.1","geo":GEO}"#),
        ("{}", "192.0.2.1", #"{"ip":"192.0.2.1","geo":GEO}"#), (#"{"a":1}"#, "192.0.2.1", #"{"a":1,"ip":"192.0.2.1","geo":GEO}"#),
        // What a client says of itself does not count.
        (#"{"ip":"192.0.2.1","geo":{"country":"FR"}}"#, "198.18.0.9", #"{"ip":"198.18.0.9","geo":null}"#),
        (#"{"geo":{"country":"FR"}}"#, "192.0.2.1", #"{"ip":"192.0.2.1","geo":GEO}"#),
        (#"{"geo":null,"ip":null}"#, "192.0.2.1", #"{"ip":"192.0.2.1","geo":GEO}"#),
        (nil, "198.18.0.9", #"{"ip":"198.18.0.9"}"#), (nil, "2001:db8:d0::1", #"{"ip":"2001:db8:d0::1","geo":GEO}"#),
    ])
    func thePlaceIsThatOfTheClientsAddress(context: String?, address: String, stored: String) async throws {
        let found = try await Self.context(context, from: address, Enricher(geo: Self.city))
        try Self.expect(found, stored.replacing("GEO", with: Self.santoDomingo))
    }

    @Test(arguments: [
        (#"{"ip":"192.0.2.1"}"#, #"{"ip":"192.0.2.1","geo":GEO}"#),
        (#"{"ip":"192.0.2.1","geo":{"country":"FR"}}"#, #"{"ip":"192.0.2.1","geo":{"country":"FR"}}"#),
        (#"{"ip":"no address"}"#, #"{"ip":"no address"}"#), (#"{"ip":null}"#, #"{"ip":"198.18.0.9"}"#),
        ("{}", #"{"ip":"198.18.0.9"}"#),
    ])
    func aTrustedServersWordCountsForItsUsers(context: String, stored: String) async throws {
        let found = try await Self.context(context, key: "s", Enricher(geo: Self.city))
        try Self.expect(found, stored.replacing("GEO", with: Self.santoDomingo))
    }

    @Test(arguments: [
        ("k", nil, "192.0.2.77", #"{"ip":"192.0.2.0","geo":GEO}"#),
        ("k", nil, "2001:db8:d0::1", #"{"ip":"2001:db8:d0::","geo":GEO}"#),
        ("s", #"{"ip":"192.0.2.77"}"#, "198.18.0.9", #"{"ip":"192.0.2.0","geo":GEO}"#),
        ("s", #"{"ip":"192.0.2.77, 10.0.0.1"}"#, "198.18.0.9", #"{"ip":null}"#),
        ("k", #"{"ip":"192.0.2.77"}"#, "198.18.0.9", #"{"ip":"198.18.0.0"}"#),
    ])
    func anAddressIsAnonymizedAfterItsPlaceWasFound(
        key: String, context: String?, address: String, stored: String
    ) async throws {
        let enricher = Enricher(geo: Self.city, anonymizesAddresses: true)
        let found = try await Self.context(context, key: key, from: address, enricher)
        try Self.expect(found, stored.replacing("GEO", with: Self.santoDomingo))
    }

    // MARK: User agents

    static let desktop = #""device":{"type":"desktop","manufacturer":null,"model":null}"#
    static let windows = #""os":{"name":"Windows","version":"10"},"browser":{"name":"Chrome","version":"120.0.0"}"#

    @Test func browserSystemAndDeviceAreAddedWhereTheClientGaveNone() async throws {
        let agent = "\"userAgent\":\"\(Self.chrome)\""
        let enricher = Enricher(userAgents: Self.parser)
        let ip = #""ip":"198.18.0.9""#
        try Self.expect(
            try await Self.context("{\(agent)}", enricher), "{\(agent),\(ip),\(Self.desktop),\(Self.windows)}")
        // The request's own header counts for an event that says nothing, and is not stored.
        try Self.expect(
            try await Self.context(nil, userAgent: Self.chrome, enricher), "{\(ip),\(Self.desktop),\(Self.windows)}")
        let own = #""os":{"name":"Haiku"},"browser":{}"#
        try Self.expect(
            try await Self.context(#"{\#(agent),\#(own),"device":null}"#, enricher), "{\(agent),\(own),\(ip),\(Self.desktop)}")
        // A server's is not its users'.
        try Self.expect(try await Self.context(nil, key: "s", userAgent: Self.chrome, enricher), "{\(ip)}")
        try Self.expect(
            try await Self.context("{\(agent)}", Enricher(userAgents: Self.parser, addsUserAgents: false)), "{\(agent),\(ip)}")
        try Self.expect(
            try await Self.context(#"{"userAgent":5e3}"#.replacing("5e3", with: "null"), enricher), #"{"userAgent":null,\#(ip)}"#)
    }

    @Test func aBotIsMarkedAndStored() async throws {
        let found = try await Self.context(
            #"{"bot":{"isBot":false}}"#, userAgent: Self.googlebot, Enricher(userAgents: Self.parser))
        #expect((found["bot"] as? [String: Any])?["isBot"] as? Bool == true)
        #expect((found["bot"] as? [String: Any])?["rule"] as? String == "uap:Googlebot")
        #expect((found["device"] as? [String: Any])?["type"] as? String == "bot")
        let unmarked = try await Self.context(nil, userAgent: Self.googlebot, Enricher(userAgents: Self.parser, marksBots: false))
        #expect(unmarked["bot"] == nil)
        let person = try await Self.context(#"{"bot":{"isBot":true}}"#, userAgent: Self.chrome, Enricher(userAgents: Self.parser))
        #expect((person["bot"] as? [String: Any])?["isBot"] as? Bool == true, "a client may say so of itself")
    }

    @Test func eachEventOfARequestHasItsOwnUserAgentAndAddress() async throws {
        let bench = IngestPipelineTests.Bench(
            keys: [Self.server], enricher: Enricher(geo: Self.city, userAgents: Self.parser))
        let agents = [Self.chrome, Self.googlebot, Self.googlebot, Self.chrome]
        let addresses = ["192.0.2.1", "192.0.2.1", "198.18.0.1", "192.0.2.2"]
        let events = (0..<4).map {
            #"{"event":"a","userId":"u","context":{"userAgent":"\#(agents[$0])","ip":"\#(addresses[$0])"}}"#
        }
        // One without either, behind them, has nothing of theirs.
        let body = "[\((events + [#"{"event":"a","userId":"u"}"#]).joined(separator: ","))]"
        _ = try await bench.send(body, key: "s", from: "198.18.0.1")
        let values = bench.log.records.map(\.value)
        #expect(values.map { $0.contains("uap:Googlebot") } == [false, true, true, false, false])
        #expect(values.map { $0.contains("\"Chrome\"") } == [true, false, false, true, false])
        #expect(values.map { $0.contains("\"geo\"") } == [true, true, false, true, false])
        #expect(values[4].hasSuffix(#""context":{"ip":"198.18.0.1"}}"#))
    }

    /// What is added to a context that has nothing of it is the same from one event to the next, until it is not.
    @Test func whatIsAddedChangesWithTheUserAgentAndTheRequest() async throws {
        let bench = IngestPipelineTests.Bench(enricher: Enricher(geo: Self.city, userAgents: Self.parser))
        func agent(_ text: String) -> String { #"{"userAgent":"\#(text)"}"# }
        let contexts = [
            agent(Self.chrome), agent(Self.chrome), agent(Self.googlebot), "{}", #"{"locale":"es"}"#, #"{"bot":null}"#,
            agent(Self.chrome),
        ]
        let body = "[\(contexts.map { #"{"event":"a","userId":"u","context":\#($0)}"# }.joined(separator: ","))]"
        _ = try await bench.send(body, from: "192.0.2.1")
        _ = try await bench.send(body, from: "198.18.0.1")
        let values = bench.log.records.map(\.value)
        let chrome = [true, true, false, false, false, false, true]
        #expect(values.map { $0.contains("\"Chrome\"") } == chrome + chrome)
        #expect(values.map { $0.contains("uap:Googlebot") } == (0..<14).map { $0 % 7 == 2 })
        #expect(values.map { $0.contains("\"geo\":") } == (0..<14).map { $0 < 7 })
        #expect(values.map { $0.contains(#""ip":"192.0.2.1""#) } == (0..<14).map { $0 < 7 })
        #expect(values[10].contains(#""context":{"ip":"198.18.0.1"}"#))
        #expect(values[11].contains(#""context":{"locale":"es","ip":"198.18.0.1"}"#))
    }

    @Test func whatIsRejectedKeepsItsWayIn() async throws {
        let bench = IngestPipelineTests.Bench(enricher: Enricher(anonymizesAddresses: true))
        _ = try await bench.send("{}", endpoint: .page, from: "192.0.2.77", userAgent: Self.chrome)
        let headers = try #require(bench.log.records.first).headers
        #expect(headers["endpoint"] == "page")
        #expect(headers["clientAddress"] == "192.0.2.0")
        #expect(headers["userAgent"] == Self.chrome)
    }
}

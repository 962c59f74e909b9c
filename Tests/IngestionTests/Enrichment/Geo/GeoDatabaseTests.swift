import Foundation
import Ingestion
import TestSupport
import Testing

@Suite struct GeoDatabaseTests {
    private let folder = GeoFolder()

    private func fixture(_ name: String) throws -> GeoDatabase { try folder.open(try Fixtures.bytes("geo/\(name).mmdb")) }

    static let santoDomingo = """
        {"country":"DO","region":"Distrito Nacional","city":"Santo Domingo","latitude":18.4861,"longitude":-69.9312,\
        "timezone":"America/Santo_Domingo"}
        """

    @Test(arguments: [
        ("192.0.2.0", santoDomingo), ("192.0.2.255", santoDomingo), ("::ffff:192.0.2.7", santoDomingo),
        ("2001:db8:d0::1", santoDomingo), ("192.0.3.0", nil), ("192.0.1.255", nil), ("0.0.0.0", nil), ("255.255.255.255", nil),
        // No English name: the city's in another language, the region's code.
        (
            "198.51.100.77",
            """
            {"country":"DO","region":"25","city":"Santiago de los Caballeros","latitude":19.45,"longitude":-70.7,\
            "timezone":"America/Santo_Domingo"}
            """
        ),
        ("203.0.113.1", "{\"country\":\"US\"}"),
        ("203.0.113.64", nil),
        // A name of 5,000 bytes, an empty code, NaN, a time zone that is a number.
        ("203.0.113.128", "{\"country\":\"DO\",\"city\":\"Macorís \\\"la\\\\ vieja\\\"\\t\\u0001\"}"),
        ("203.0.113.192", "{\"timezone\":\"America/Santo_Domingo\"}"),
        ("2001:db8::1", "{\"country\":\"DO\",\"city\":\"Salvaleón de Higüey\",\"latitude\":18.615,\"longitude\":-68.707}"),
        ("2001:db8:d1::", "{\"country\":\"DO\",\"city\":\"Salvaleón de Higüey\",\"latitude\":18.615,\"longitude\":-68.707}"),
        ("2001:db7:ffff::", nil), ("::1", nil),
    ])
    func aCityDatabaseSaysWhatItKnows(_ address: String, _ expected: String?) throws {
        let database = try fixture("city")
        #expect(database.answer(address) == expected)
        #expect(database.databaseType == "GeoLite2-City")
    }

    @Test(arguments: [("192.0.2.1", "DO"), ("2001:db8::1", "ES"), ("198.51.100.1", nil)])
    func aCountryDatabaseSaysTheCountry(_ address: String, _ country: String?) throws {
        #expect(try fixture("country").answer(address) == country.map { "{\"country\":\"\($0)\"}" })
    }

    @Test(arguments: [
        ("192.0.2.1", santoDomingo), ("::ffff:192.0.2.1", santoDomingo), ("198.51.100.127", nil),
        ("198.51.100.128", "{\"country\":\"DO\",\"city\":\"Salvaleón de Higüey\",\"latitude\":18.615,\"longitude\":-68.707}"),
        ("2001:db8::1", nil), ("::192.0.2.1", nil),
    ])
    func aDatabaseForIPv4KnowsNothingOfIPv6(_ address: String, _ expected: String?) throws {
        #expect(try fixture("city-ipv4").answer(address) == expected)
    }

    @Test func databasesOfAnotherTypeAreRefused() throws {
        #expect(
            folder.refusal(try Fixtures.bytes("geo/asn.mmdb"))
                == "database.mmdb cannot be used for context.geo: it is a database of type GeoLite2-ASN; a City or Country database is needed"
        )
        for type in ["GeoIP2-ISP", "GeoIP2-Connection-Type", "GeoIP2-Anonymous-IP", "", "ipinfo country_asn.mmdb"] {
            var file = MaxMindFile(everywhere: MaxMindFile.city("Baní"))
            file.type = type
            #expect(folder.refusal(file)?.contains("of type \(type); a City or Country database is needed") == true)
        }
        for type in ["GeoIP2-City-North-America", "GeoIP2-Enterprise", "DBIP-Location (compat=City)", "DBIP-Country-Lite"] {
            var file = MaxMindFile(everywhere: MaxMindFile.city("Baní"))
            file.type = type
            #expect(try folder.open(file).answer("192.0.2.1") == "{\"city\":\"Baní\"}")
        }
    }

    @Test func whatIsNoFileIsRefused() throws {
        let directory = TemporaryDirectory()
        #expect(throws: EnrichmentError("cannot open \(directory.path)/none: No such file or directory")) {
            try GeoDatabase(path: directory.file("none"))
        }
        #expect(throws: EnrichmentError("\(directory.path) is no file")) { try GeoDatabase(path: directory.path) }
        #expect(throws: EnrichmentError("/dev/zero is no file")) { try GeoDatabase(path: "/dev/zero") }
        // Nobody writes into it; opening must not wait for that.
        mkfifo(directory.file("pipe"), 0o600)
        #expect(throws: EnrichmentError("\(directory.path)/pipe is no file")) { try GeoDatabase(path: directory.file("pipe")) }
        // Takes no room on disk, and must take none in memory.
        let large = directory.file("large")
        _ = FileManager.default.createFile(atPath: large, contents: nil)
        truncate(large, GeoDatabase.byteCountMax + 1)
        #expect(throws: EnrichmentError("\(large) is larger than 1024 MiB; it would be kept in memory as a whole")) {
            try GeoDatabase(path: large)
        }
    }

    @Test func aFileThatIsCutOrRewrittenWhileItIsUsedChangesNothing() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("city.mmdb")
        try Data(try Fixtures.bytes("geo/city.mmdb")).write(to: URL(fileURLWithPath: path))
        let database = try GeoDatabase(path: path)
        truncate(path, 0)
        #expect(database.answer("192.0.2.1") == Self.santoDomingo)
        try Data(repeating: 0xFF, count: 7457).write(to: URL(fileURLWithPath: path))
        #expect(database.answer("192.0.2.1") == Self.santoDomingo)
        try FileManager.default.removeItem(atPath: path)
        #expect(database.answer("192.0.2.1") == Self.santoDomingo)
    }

    @Test func manyThreadsMayAskAtOnce() async throws {
        let database = try fixture("city")
        await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<2000).count {
                        database.answer(IPAddress(ipv4: 0xC000_0200 | UInt32(($0 + task) & 255))) == Self.santoDomingo
                    }
                }
            }
            for await right in group { #expect(right == 2000) }
        }
    }

    @Test func descriptorsAndMappingsAreGivenBack() throws {
        // Other tests have databases open too, a few at a time: were these not given back, there would be hundreds.
        for _ in 0..<200 { _ = try fixture("city") }
        for _ in 0..<200 { #expect(folder.refusal([1, 2, 3]) != nil) }
        let file = try #require(FileHandle(forReadingAtPath: "/proc/self/maps"))
        let mappings = String(decoding: file.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
        #expect(mappings.count > 10)
        #expect(mappings.count { $0.contains("geo-database") } < 100)
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        #expect(descriptors.count > 2)
        #expect(descriptors.count { $0.contains("geo-database") } < 100)
    }
}

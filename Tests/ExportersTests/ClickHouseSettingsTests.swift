import Exporters
import Testing

/// What whoever configures the service says of a ClickHouse.
@Suite struct ClickHouseSettingsTests {
    private func settings(_ values: [String: String]) throws -> ClickHouseSettings? {
        try ClickHouseSettings(FixedConfiguration(["ClickHouse.Host": "h"].merging(values) { $1 }))
    }

    @Test func withoutAHostItIsOff() throws {
        #expect(try ClickHouseSettings(FixedConfiguration([:])) == nil)
        #expect(try settings(["ClickHouse.Host": ""]) == nil)
    }

    @Test(arguments: ["localhost", "127.0.0.1", "::1", "ch_1.internal"])
    func aHostIsTaken(_ host: String) throws { #expect(try settings(["ClickHouse.Host": host]) != nil) }

    @Test(arguments: [
        ("ClickHouse.Host", "http://h", "ClickHouse.Host is \"http://h\"; it must be a host's name or address"),
        ("ClickHouse.Host", "h/?a", "ClickHouse.Host is \"h/?a\""), ("ClickHouse.Database", "", "ClickHouse.Database is empty"),
        ("ClickHouse.FlushInterval", "0", "ClickHouse.FlushInterval is 0"),
        ("ClickHouse.StitchInterval", "0", "ClickHouse.StitchInterval is 0"),
    ])
    func aWrongValueIsRefusedByName(_ key: String, _ value: String, _ says: String) {
        let error = #expect(throws: ExporterRefusal.self) { try settings([key: value]) }
        #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
    }
}

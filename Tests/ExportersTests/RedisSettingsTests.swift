import Exporters
import Testing

/// The address of a Redis, as whoever configures the service gives it.
@Suite struct RedisSettingsTests {
    @Test func withoutAnAddressItIsOff() throws {
        #expect(try RedisSettings(FixedConfiguration([:])) == nil)
        #expect(try RedisSettings(FixedConfiguration(["Redis.Url": ""])) == nil)
    }

    @Test(arguments: [
        "redis://127.0.0.1", "redis://127.0.0.1:6380", "redis://localhost/", "redis://localhost/0", "REDIS://h/15",
        "redis://:secret@h",
        "redis://user:p%40ss%2Fword@h:1/2", "redis://[::1]:6379/1",
    ])
    func anAddressIsTaken(_ url: String) throws {
        #expect(try RedisSettings(FixedConfiguration(["Redis.Url": url])) != nil)
    }

    @Test(arguments: [
        ("rediss://h", "Redis.Url begins with rediss:, and the library that the service speaks to Redis with has no TLS"),
        ("http://h", "Redis.Url begins with http:; it must begin with redis:"),
        ("127.0.0.1:6379", "Redis.Url is no URL"), ("redis://", "Redis.Url names no host"),
        ("redis:///0", "Redis.Url names no host"),
        ("redis://h/a", "Redis.Url names the database \"a\"; it must be a number"),
        ("redis://h/-1", "Redis.Url names the database \"-1\""), ("redis://h/01", "Redis.Url names the database \"01\""),
        ("redis://h/1/2", "Redis.Url names the database \"1/2\""),
        ("redis://h:0", "Redis.Url names port 0"), ("redis://h?a=1", "Redis.Url has something behind the database's number"),
        ("redis://user@h", "Redis.Url names the user user without a password"),
    ])
    func aWrongOneIsRefusedByName(_ url: String, _ says: String) {
        let error = #expect(throws: ExporterRefusal.self) { try RedisSettings(FixedConfiguration(["Redis.Url": url])) }
        #expect(error?.description.hasPrefix(says) == true, "\(error?.description ?? "")")
    }

    @Test func noErrorShowsThePassword() {
        for url in ["rediss://u:secret@h", "redis://u:secret@h/x", "redis://u:secret@h?x"] {
            let error = #expect(throws: ExporterRefusal.self) { try RedisSettings(FixedConfiguration(["Redis.Url": url])) }
            #expect(error?.description.contains("secret") == false)
        }
    }
}

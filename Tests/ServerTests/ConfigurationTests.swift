import Ingestion
import LogStorage
import Server
import Testing

@Suite struct ConfigurationTests {
    private func settings(
        _ file: String = "{}", environment: [String: String] = [:]
    ) throws -> Settings {
        var sources = ConfigurationSources()
        try sources.add(file: Array(file.utf8), path: "config.json", environment: environment)
        try sources.add(environment: environment)
        return try Settings(sources)
    }

    private func failure(_ file: String, environment: [String: String] = [:]) -> String {
        do {
            _ = try settings(file, environment: environment)
            return ""
        } catch { return "\(error)" }
    }

    @Test func nothingSetGivesTheDefaults() throws {
        let settings = try settings()
        #expect(
            (settings.host, settings.port, settings.topic, settings.partitionCount) == ("127.0.0.1", 5050, "okla.events.raw", 12))
        #expect(
            (settings.limits.batchEvents, settings.limits.payloadBytes, settings.limits.inflatedBytes) == (100, 32_768, 1 << 20))
        #expect((settings.deduplication.windowSeconds, settings.deduplication.entriesMax) == (86_400, 10_000_000))
        #expect(settings.log.durability == .fsync)
        #expect(settings.log.segmentBytes == 256 << 20)
        #expect(settings.log.segmentAgeMilliseconds == 86_400_000)
        #expect(settings.log.retentionBytes == nil && settings.log.retentionAgeMilliseconds == nil)
        #expect(settings.minFreeBytes == 512 << 20 && !settings.areMetricsPublic)
    }

    @Test func roomIsKeptFreeUnlessTheDataIsTemporaryOrAnAmountIsSet() throws {
        var settings = try settings()
        settings.isEphemeral = true
        #expect(settings.minFreeBytes == 0)
        settings = try self.settings(#"{"Log":{"MinFreeBytes":1000,"Linger":"250ms"},"Metrics":{"Public":true}}"#)
        settings.isEphemeral = true
        #expect(settings.minFreeBytes == 1000 && settings.areMetricsPublic)
        #expect(try self.settings(environment: ["METRICS_PUBLIC": "true", "LOG_MIN_FREE_BYTES": "0"]).minFreeBytes == 0)
        #expect(failure(#"{"Metrics":{"Public":"yes"}}"#).contains("Metrics.Public is text; it must be true or false"))
        #expect(failure("{}", environment: ["METRICS_PUBLIC": "1"]).contains("it must be true or false"))
    }

    @Test func theFileIsReadInTheSourcesShape() throws {
        let settings = try settings(
            """
            {"EventTracking": {"WriteKey": "${KEY}", "BatchSize": 50, "FlushInterval": "5s", "MaxPayloadSize": 1000,
                               "Dedup": {"Window": "1h", "MaxEntries": 0}},
             "Kafka": {"Topic": "x", "Partitions": 3}, "Log": {"Durability": "os", "SegmentBytes": 65536, "RetentionAge": "7d"}}
            """, environment: ["KEY": "secret"])
        #expect(settings.writeKeys == [WriteKey(key: "secret")])
        #expect((settings.limits.batchEvents, settings.limits.payloadBytes) == (50, 1000))
        #expect((settings.deduplication.windowSeconds, settings.deduplication.entriesMax) == (3600, 1 << 30))
        #expect((settings.topic, settings.partitionCount, settings.log.segmentBytes) == ("x", 3, 65536))
        #expect(settings.log.durability == .os)
        #expect(settings.log.retentionAgeMilliseconds == Int64(604_800_000))
    }

    @Test func theEnvironmentStandsAboveTheFile() throws {
        let settings = try settings(
            #"{"EventTracking":{"BatchSize":50,"MaxInflatedSize":5000}}"#,
            environment: [
                "EVENT_TRACKING_BATCH_SIZE": "7", "KAFKA_PARTITIONS": "2", "LOG_DURABILITY": "os",
                "EVENT_TRACKING_WRITE_KEY": "k",
                "PATH": "/bin",
            ])
        #expect((settings.limits.batchEvents, settings.limits.inflatedBytes, settings.partitionCount) == (7, 5000, 2))
        #expect(settings.writeKeys.map(\.key) == ["k"])
    }

    @Test func rateLimitsAreThoseOfTheSpecificationUnlessSet() throws {
        let usual = try settings("{}").limits
        #expect((usual.globalEventsPerSecond, usual.addressEventsPerSecond) == (10_000, 100))
        let set = try settings(#"{"EventTracking":{"RateLimits":{"Global":0,"PerIP":7}}}"#).limits
        #expect((set.globalEventsPerSecond, set.addressEventsPerSecond) == (0, 7))
    }

    @Test func writeKeysCarryTheirRights() throws {
        let settings = try settings(
            """
            {"EventTracking":{"WriteKeys":["plain-key",{"Key":"k2","Name":"web","AllowedOrigins":["https://okla.com.do"],"Disabled":true},
             {"Key":"k3","Name":"backend","TrustClientContext":true,"PerIP":0}]}}
            """)
        #expect(
            settings.writeKeys == [
                WriteKey(key: "plain-key", name: "key-plai"),
                WriteKey(key: "k2", name: "web", allowedOrigins: ["https://okla.com.do"], isDisabled: true),
                WriteKey(key: "k3", name: "backend", trustsClientContext: true, addressEventsPerSecond: 0),
            ])
    }

    @Test(arguments: [
        (#"{"EventTracking":{"BatchSze":5}}"#, "unknown key EventTracking.BatchSze; did you mean EventTracking.BatchSize?"),
        (#"{"kafka":{}}"#, "unknown key kafka; did you mean"),
        (#"{"EventTracking":{"BatchSize":"five"}}"#, "EventTracking.BatchSize is text; it must be a whole number"),
        (#"{"EventTracking":{"BatchSize":-1}}"#, "EventTracking.BatchSize is -1; it must be 0 to 10000"),
        (#"{"EventTracking":{"BatchSize":1.5}}"#, "EventTracking.BatchSize is a number"),
        (#"{"EventTracking":[]}"#, "EventTracking must be an object, not a list"),
        (#"{"EventTracking":{"WriteKey":"${NO_SUCH}"}}"#, "EventTracking.WriteKey: ${NO_SUCH} is not set"),
        (#"{"EventTracking":{"WriteKey":"${X"}}"#, "without \"}\""),
        (#"{"Log":{"Durability":"maybe"}}"#, "Log.Durability is \"maybe\"; it must be \"fsync\" or \"os\""),
        (#"{"Log":{"SegmentAge":"5 weeks"}}"#, "Log.SegmentAge is \"5 weeks\"; it must be a duration"),
        (#"{"Log":{"SegmentBytes":100}}"#, "Log.SegmentBytes is 100; it must be at least 65536"),
        (#"{"Kafka":{"Topic":"a/b"}}"#, "Kafka.Topic is \"a/b\""),
        (#"{"Kafka":{"Partitions":1,"Partitions":2}}"#, "Kafka.Partitions stands twice"),
        (#"{"EventTracking":{"WriteKeys":[{"Name":"x"}]}}"#, "EventTracking.WriteKeys[0].Key is missing"),
        (#"{"EventTracking":{"WriteKeys":[{"Key":"x","Color":1}]}}"#, "unknown key EventTracking.WriteKeys[0].Color"),
        (#"{"EventTracking":{"WriteKeys":["a","a"]}}"#, "stands twice"),
        (#"{"EventTracking":{"WriteKeys":[{"Key":"x","PerIP":-1}]}}"#, "WriteKeys[0].PerIP is -1; it must be 0 to 100000000"),
        (#"{"EventTracking":{"WriteKeys":[{"Key":"x","PerIP":"5"}]}}"#, "WriteKeys[0].PerIP is text; it must be a whole number"),
        (
            #"{"EventTracking":{"WriteKeys":[{"Key":"x","Name":"\#(String(repeating: "n", count: 129))"}]}}"#,
            "WriteKeys[0].Name is longer than 128 characters"
        ),
        (#"{"EventTracking":{"RateLimits":{"Global":-1}}}"#, "EventTracking.RateLimits.Global is -1; it must be 0 to 100000000"),
        (#"{"EventTracking":{"TrustedProxies":["10.1.2.3/8"]}}"#, "EventTracking.TrustedProxies: \"10.1.2.3/8\" is no network"),
        (#"{"EventTracking":{"TrustedProxies":"loopback"}}"#, "EventTracking.TrustedProxies is text; it must be a list of texts"),
        (#"{"EventTracking":{"Enrichment":{"AnonymizeIP":1}}}"#, "EventTracking.Enrichment.AnonymizeIP is a number"),
        (
            #"{"EventTracking":{"UnknownEvents":"drop"}}"#,
            "EventTracking.UnknownEvents is \"drop\"; it must be \"accept\" or \"reject\""
        ),
        (#"{"Redis":{"Url":"x://y"}}"#, "Redis.Url begins with x:; it must begin with redis:"),
        (#"{"Redis":{"Url":6379}}"#, "Redis.Url is a number; it must be text"),
        (#"{"Redis":{"URL":"x"}}"#, "unknown key Redis.URL; did you mean Redis.Url?"),
        (#"{"RabbitMQ":{"RoutingKeys":"a","Url":"amqp://h"}}"#, "RabbitMQ.RoutingKeys"),
        (#"{"a":}"#, "config.json: expected a value at byte 5"), ("[]", "must be an object"),
    ])
    func whatIsWrongIsNamed(_ file: String, _ words: String) {
        #expect(failure(file).contains(words), "\(failure(file))")
    }

    @Test(arguments: [
        (#"{"Kafka":{"Brokers":["a:1"]}}"#, "Kafka.Brokers")
    ])
    func keysOfPartsNotBuiltYetRefuseToStart(_ file: String, _ words: String) {
        #expect(failure(file).contains(words), "\(failure(file))")
    }

    @Test(arguments: [
        (#"{"Kafka":{"Listen":"127.0.0.1"}}"#, "Kafka.Listen is \"127.0.0.1\"; it must be a host and a port"),
        (#"{"Kafka":{"Listen":"::1:9092"}}"#, "an IPv6 address without brackets"),
        (#"{"Kafka":{"Listen":"0.0.0.0:9092"}}"#, "Kafka.Users is empty: name who may use it"),
        (#"{"Kafka":{"Listen":"0.0.0.0:9092","Users":[{"Name":"a"}]}}"#, "Kafka.Users[0].Password is missing"),
        (#"{"Kafka":{"Users":[{"Name":"a","Password":"b","Write":["*x"]}]}}"#, "a * stands at the end"),
        (#"{"Kafka":{"Users":[{"Name":"a","Password":"b"},{"Name":"a","Password":"c"}]}}"#, "the user a stands twice"),
        (#"{"Kafka":{"Users":[{"Name":"a","Password":"b","Right":1}]}}"#, "a user has Name, Password, Read, Write, Manage"),
        (#"{"Kafka":{"TLS":{"KeyFile":"k"}}}"#, "Kafka.TLS.CertificateFile and Kafka.TLS.KeyFile go together"),
        (#"{"Kafka":{"WritableTopics":["mine"]}}"#, "Kafka.WritableTopics names mine"),
        (#"{"Kafka":{"Listen":":9092"}}"#, "Kafka.Listen is \":9092\"; the host is missing"),
    ])
    func whatTheListenerForKafkasClientsCannotBeIsToldSo(_ file: String, _ words: String) {
        #expect(failure(file).contains(words), "\(failure(file))")
    }

    @Test func aMisspelledNameInTheEnvironmentIsNamed() {
        #expect(failure("{}", environment: ["EVENT_TRACKING_BATCHSIZE": "5"]).contains("did you mean EVENT_TRACKING_BATCH_SIZE?"))
        #expect(failure("{}", environment: ["KAFKA_LISTEN": "x"]).contains("Kafka.Listen is \"x\""))
    }
}

// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// One room of the house. Its tests, where it has some, are in `Tests/<name>Tests`.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name), "TestSupport"] + dependencies,
        path: "Tests/\(name)Tests",
        swiftSettings: strict)
}

/// - Parameter pkgConfig: nil: it needs no flags, or has some that the package manager does not let through.
func systemLibrary(_ name: String, pkgConfig: String?, debian: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/CLibraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([debian])])
}

let package = Package(
    name: "event-tracking-service",
    products: [.executable(name: "okla-events", targets: ["okla-events"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.1.0"),
    ],
    targets: [
        systemLibrary("CLZ4", pkgConfig: "liblz4", debian: "liblz4-dev"),
        systemLibrary("CSnappy", pkgConfig: nil, debian: "libsnappy-dev"),
        systemLibrary("CZstd", pkgConfig: "libzstd", debian: "libzstd-dev"),
        systemLibrary("CDeflate", pkgConfig: "libdeflate", debian: "libdeflate-dev"),
        systemLibrary("CHiredis", pkgConfig: nil, debian: "libhiredis-dev"),
        .target(
            name: "CRabbitMQ", path: "Sources/CLibraries/CRabbitMQ", cSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("rabbitmq")]),
        .target(name: "CCurl", path: "Sources/CLibraries/CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "CRdKafka", path: "Sources/CLibraries/CRdKafka", linkerSettings: [.linkedLibrary("rdkafka")]),
        systemLibrary("CMaxMindDB", pkgConfig: "libmaxminddb", debian: "libmaxminddb-dev"),
        .target(name: "CCRC32C", path: "Sources/CLibraries/CCRC32C", cSettings: [.unsafeFlags(["-O2"])]),
        .target(
            name: "CSimdJSON", path: "Sources/CLibraries/CSimdJSON",
            cxxSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        // The schemas come into the binary by C's #embed, which clang calls an extension before C23.
        .target(
            name: "EventCatalogue", exclude: ["README.md", "schemas"],
            cSettings: [.unsafeFlags(["-Wno-c23-extensions"])]),
        // So does the browser SDK, as Tools/build-sdk has built it.
        .target(
            name: "BrowserSDK", exclude: ["README.md", "modules", "published", "snippet.html", "tsconfig.json"],
            cSettings: [.unsafeFlags(["-Wno-c23-extensions"])]),
        .target(
            name: "CUserAgent", path: "Sources/CLibraries/CUserAgent",
            cxxSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("re2")]),
        systemLibrary("CYAML", pkgConfig: "yaml-0.1", debian: "libyaml-dev"),

        .target(
            name: "CRE2", path: "Sources/CLibraries/CRE2",
            cxxSettings: [.unsafeFlags(["-O2"])],
            linkerSettings: [.linkedLibrary("re2")]),

        room("EventModel", ["CSimdJSON", "CRE2", "EventCatalogue"]),
        room("RecordFormat", ["CLZ4", "CCRC32C", "CSnappy", "CZstd", "CDeflate"]),
        room("EventLog", ["RecordFormat"]),
        room("KafkaProtocol", []),
        room("Telemetry", []),
        room("OutboundHTTP", ["CCurl"]),
        room("LogStorage", ["EventLog", "RecordFormat", "Telemetry"]),
        room(
            "KafkaBroker",
            [
                "KafkaProtocol", "EventLog", "LogStorage", "RecordFormat",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        room(
            "Ingestion",
            ["EventModel", "EventLog", "RecordFormat", "Telemetry", "CDeflate", "CMaxMindDB", "CUserAgent", "CYAML"]),
        room("Consumption", ["EventModel", "EventLog", "RecordFormat"]),
        room(
            "Projections",
            ["Consumption", "EventModel", "EventLog", "RecordFormat", .product(name: "GRDB", package: "GRDB.swift")]),
        room(
            "Exporters",
            [
                "Consumption", "EventModel", "EventLog", "RecordFormat", "Telemetry", "OutboundHTTP", "CHiredis", "CRabbitMQ",
                "CRdKafka",
            ]),
        room(
            "Collector",
            [
                "Ingestion", "EventModel",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        room(
            "AdminAPI",
            [
                "Collector", "Projections", "Consumption", "Ingestion", "EventLog", "EventModel", "RecordFormat",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        room(
            "Server",
            [
                "AdminAPI", "Collector", "Exporters", "Projections", "Consumption", "Ingestion", "EventModel", "EventLog",
                "LogStorage", "RecordFormat", "Telemetry", "KafkaBroker", "BrowserSDK",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        .executableTarget(
            name: "okla-events",
            dependencies: [
                "Server", "LogStorage", "EventLog", "EventModel", "RecordFormat", "OutboundHTTP",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "log-bench", dependencies: ["LogStorage", "EventLog", "RecordFormat"], path: "Tools/Bench/LogBench",
            swiftSettings: strict),

        .executableTarget(
            name: "ingest-bench", dependencies: ["Ingestion", "LogStorage", "EventLog", "EventModel", "RecordFormat"],
            path: "Tools/Bench/IngestBench", swiftSettings: strict),

        .executableTarget(
            name: "geo-bench", dependencies: ["Ingestion", "RecordFormat"], path: "Tools/Bench/GeoBench", swiftSettings: strict),
        .executableTarget(
            name: "index-bench", dependencies: ["Projections", "Consumption", "LogStorage", "EventLog", "RecordFormat"],
            path: "Tools/Bench/IndexBench", swiftSettings: strict),
        .executableTarget(
            name: "user-agent-bench", dependencies: ["Ingestion"], path: "Tools/Bench/UserAgentBench", swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["LogStorage", "EventLog", "RecordFormat"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .executableTarget(name: "log-simulate", dependencies: ["TestSupport"], path: "Tools/Simulate", swiftSettings: strict),
        tests("RecordFormat"),
        tests("EventLog"),
        tests("KafkaProtocol"),
        tests(
            "KafkaBroker",
            [
                "KafkaProtocol", "EventLog", "LogStorage", "RecordFormat", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests("Telemetry"),
        tests("LogStorage", ["EventLog", "RecordFormat"]),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        tests("EventModel", ["AllocationCounter"]),
        tests("Ingestion", ["EventModel", "EventLog", "RecordFormat"]),
        tests(
            "Collector",
            [
                "Ingestion", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        tests("Consumption", ["EventModel", "EventLog", "RecordFormat"]),
        tests(
            "Projections",
            ["Consumption", "EventLog", "RecordFormat", "EventModel", .product(name: "GRDB", package: "GRDB.swift")]),
        tests("Exporters", ["Consumption", "EventLog", "RecordFormat", "EventModel"]),
        tests("Server", ["EventModel", "Ingestion", "LogStorage"]),
        .testTarget(name: "HouseTests", path: "Tests/HouseTests", swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)

// It links with libFuzzer, and is built by Tools/fuzz alone.
if Context.environment["OKLA_FUZZ"] != nil {
    package.products.append(.executable(name: "kafka-fuzz", targets: ["kafka-fuzz"]))
    package.targets.append(
        .executableTarget(
            name: "kafka-fuzz", dependencies: ["KafkaProtocol", "RecordFormat"], path: "Tools/Fuzz/KafkaFuzz",
            swiftSettings: strict, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]))
}

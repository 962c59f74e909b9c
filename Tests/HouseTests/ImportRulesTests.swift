import Foundation
import Testing

/// The house's own rule, kept here: which room may import which. One way through, nothing runs back.
@Suite struct ImportRulesTests {
    static let allowed: [String: Set<String>] = [
        "EventModel": ["CSimdJSON", "CRE2", "EventCatalogue"],
        "RecordFormat": ["CLZ4", "CCRC32C", "CSnappy", "CZstd", "CDeflate"],
        "KafkaProtocol": [],
        "EventLog": ["RecordFormat"],
        "Telemetry": [],
        "OutboundHTTP": ["CCurl"],
        "LogStorage": ["EventLog", "RecordFormat", "Telemetry"],
        "KafkaBroker": ["KafkaProtocol", "EventLog", "LogStorage", "RecordFormat"],
        "Ingestion": ["EventModel", "EventLog", "RecordFormat", "Telemetry", "CDeflate", "CMaxMindDB", "CUserAgent", "CYAML"],
        "Consumption": ["EventModel", "EventLog", "RecordFormat"],
        "Projections": ["Consumption", "EventModel", "EventLog", "RecordFormat"],
        "Exporters": [
            "Consumption", "EventModel", "EventLog", "RecordFormat", "Telemetry", "OutboundHTTP", "CHiredis", "CRabbitMQ",
            "CRdKafka",
        ],
        "Collector": ["Ingestion", "EventModel"],
        "AdminAPI": ["Collector", "Projections", "Consumption", "Ingestion", "EventLog", "EventModel", "RecordFormat"],
        "Server": [
            "AdminAPI", "Collector", "Exporters", "Projections", "Consumption", "Ingestion", "EventModel", "EventLog",
            "LogStorage",
            "RecordFormat", "Telemetry", "KafkaBroker", "BrowserSDK",
        ],
        "okla-events": ["Server", "LogStorage", "EventLog", "EventModel", "RecordFormat", "OutboundHTTP"],
    ]

    /// What comes from elsewhere. Foundation stays off the event's path.
    static let foreign: [String: Set<String>] = [
        "EventModel": ["Synchronization"], "RecordFormat": [], "KafkaProtocol": [], "EventLog": ["Synchronization"],
        "Telemetry": ["Synchronization"],
        "LogStorage": ["Glibc", "Synchronization"],
        "KafkaBroker": ["Logging", "NIOCore", "NIOPosix", "NIOSSL", "Synchronization"],
        "Ingestion": ["Glibc", "Synchronization"],
        "Consumption": ["Foundation", "Synchronization"],
        "OutboundHTTP": ["Foundation", "Glibc", "Synchronization"],
        "Exporters": ["Dispatch", "Foundation", "Glibc", "Synchronization"],
        "Projections": ["Foundation", "GRDB", "Glibc", "Synchronization"],
        "Collector": [
            "Hummingbird", "HummingbirdCore", "HTTPTypes", "Logging", "NIOCore", "NIOHTTP1", "NIOHTTPTypes", "NIOHTTPTypesHTTP1",
            "Synchronization",
        ],
        "AdminAPI": [
            "Foundation", "Hummingbird", "HTTPTypes", "JWTKit", "NIOCore", "ServiceLifecycle", "Synchronization",
        ],
        "Server": [
            "Crypto", "Foundation", "Hummingbird", "HummingbirdCore", "Logging", "NIOCore", "ServiceLifecycle", "Synchronization",
            "UnixSignals",
        ],
        "okla-events": [
            "ArgumentParser", "Foundation", "Glibc", "Logging", "Synchronization",
        ],
    ]

    static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Sources")

    /// Folders of C, of JavaScript and of data: no Swift in them imports.
    static let withoutSwift: Set<String> = ["CLibraries", "EventCatalogue", "BrowserSDK"]

    static func imports(in text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard let place = words.firstIndex(of: "import"),
                words[..<place].allSatisfy({
                    ["public", "package", "internal", "private", "@preconcurrency", "@testable"].contains($0)
                })
            else { return nil }
            return words.last.map { String($0.split(separator: ".")[0]) }
        }
    }

    @Test func everyImportIsInTheTable() throws {
        let rooms = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
            .filter { !Self.withoutSwift.contains($0) && !$0.hasPrefix(".") }
        #expect(Set(rooms) == Set(Self.allowed.keys), "a room without a row in the table, or a row without a room")
        var read = 0
        for room in rooms {
            let files = FileManager.default.enumerator(atPath: Self.sources.appendingPathComponent(room).path)!
            for case let file as String in files where file.hasSuffix(".swift") {
                let text = try String(
                    contentsOf: Self.sources.appendingPathComponent("\(room)/\(file)"), encoding: .utf8)
                let may = (Self.allowed[room] ?? []).union(Self.foreign[room] ?? [])
                for name in Self.imports(in: text) where !may.contains(name) {
                    Issue.record("Sources/\(room)/\(file) imports \(name), which \(room) may not")
                }
                read += 1
            }
        }
        #expect(read > 50)
    }

    @Test func importsAreFoundInAllTheirForms() {
        let text =
            "import A\ninternal import B\npackage import struct C.D\n@preconcurrency import E\n// import F\nlet import1 = 1"
        #expect(Self.imports(in: text) == ["A", "B", "C", "E"])
    }
}

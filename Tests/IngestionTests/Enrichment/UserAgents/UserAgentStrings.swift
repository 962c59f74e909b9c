import Foundation
import Ingestion

/// uap-core as the Debian package has it. Tests fail where it is missing, for without it nothing here is tested.
enum UapCore {
    static let folder = "/usr/share/uap-core"

    /// The cases of one of uap-core's files: its members by name, nil for an empty one.
    static func cases(_ file: String) throws -> [[String: String?]] {
        var events = try YAMLEvents(path: "\(folder)/\(file)", bytesMax: 64 << 20)
        var cases: [[String: String?]] = []
        while true {
            switch try events.next() {
            case .end: return cases
            case .mappingStart: cases.append([:])
            case .scalar("test_cases"): continue
            case .scalar(let name):
                guard case .scalar(let value) = try events.next() else { throw events.error("a case that is not flat") }
                cases[cases.count - 1][name] = .some(value.isEmpty ? nil : value)
            case .sequenceStart:
                // The mapping around all cases is none of them.
                cases.removeLast()
            default: continue
            }
        }
    }
}

extension UserAgentParser {
    static let shared = try! UserAgentParser(rulesFile: defaultRulesFile)

    func facts(_ userAgent: String) -> UserAgentFacts {
        Array(userAgent.utf8).withUnsafeBytes { facts(for: $0) }
    }
}

extension UserAgentFacts {
    static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// All four texts, to compare them.
    var all: [String] { [browser, operatingSystem, device, bot].map(Self.text) }
}

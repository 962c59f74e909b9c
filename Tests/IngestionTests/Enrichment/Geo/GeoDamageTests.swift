import EventModel
import Foundation
import Ingestion
import TestSupport
import Testing

/// Files that are no database, or no longer one. `OKLA_GEO_SEEDS` says how many mutations are tried; `OKLA_GEO_KEEP` names a
/// folder for those that are taken, to show them to libmaxminddb where each of its reads is watched.
@Suite struct GeoDamageTests {
    private static let addresses: [IPAddress] = [
        "192.0.2.1", "198.51.100.1", "203.0.113.1", "203.0.113.129", "203.0.113.193", "2001:db8::1", "2001:db8:d0::1", "0.0.0.0",
        "255.255.255.255", "::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "128.0.0.0", "8000::",
    ].map { IPAddress($0)! }

    /// Whether a text is an answer as `context.geo` has it.
    static func isWellFormed(_ text: String, _ parser: JSONParser) -> Bool {
        let bytes = Array(text.utf8)
        return (bytes + [UInt8](repeating: 0, count: JSONParser.padding)).withUnsafeBytes { padded in
            guard let view = try? parser.parse(UnsafeRawBufferPointer(rebasing: padded[..<bytes.count])), view.root.isObject
            else {
                return false
            }
            let order = ["country", "region", "city", "latitude", "longitude", "timezone"]
            let names = view.root.members.map { $0.key.string! }
            guard !names.isEmpty, names == order.filter(names.contains) else { return false }
            return view.root.members.allSatisfy { member in
                switch member.key.string! {
                case "latitude": return member.value.number.map { abs($0) <= 90 } == true
                case "longitude": return member.value.number.map { abs($0) <= 180 } == true
                default: return (1...GeoDatabase.textBytesMax).contains(member.value.string?.utf8.count ?? 0)
                }
            }
        }
    }

    /// Whether a database could be made of the bytes. Its answers are checked.
    private func opens(_ bytes: [UInt8], _ folder: GeoFolder, _ parser: JSONParser, _ what: String) -> Bool {
        guard let database = try? folder.open(bytes) else { return false }
        for address in Self.addresses {
            guard let answer = database.answer(address) else { continue }
            if !Self.isWellFormed(answer, parser) { Issue.record("\(what) answers \(answer)") }
        }
        return true
    }

    @Test(arguments: ["city", "country", "city-ipv4"])
    func aFileCutAnywhereIsRefused(_ name: String) throws {
        let bytes = try Fixtures.bytes("geo/\(name).mmdb")
        let (folder, parser) = (GeoFolder(), JSONParser(depthMax: 8))
        for length in 0..<bytes.count {
            // The metadata stand at the end, and their last member is the time at which the database was made.
            #expect(!opens(Array(bytes[..<length]), folder, parser, "\(length) bytes"), "\(length) bytes")
        }
        #expect(opens(bytes, folder, parser, "all of it"))
    }

    @Test(arguments: ["city", "country", "city-ipv4"])
    func aFileWithWrongBytesIsRefusedOrAnswersAsAlways(_ name: String) throws {
        let original = try Fixtures.bytes("geo/\(name).mmdb")
        let seeds = ProcessInfo.processInfo.environment["OKLA_GEO_SEEDS"].flatMap { Int($0) } ?? 10_000
        let kept = ProcessInfo.processInfo.environment["OKLA_GEO_KEEP"]
        let (folder, parser) = (GeoFolder(), JSONParser(depthMax: 8))
        var opened = 0
        for seed in 0..<seeds {
            var mutation = Mutation(seed: UInt64(seed))
            let bytes = mutation.apply(to: original)
            guard opens(bytes, folder, parser, "\(name), seed \(seed)") else { continue }
            opened += 1
            if let kept { try Data(bytes).write(to: URL(fileURLWithPath: "\(kept)/\(name)-\(seed).mmdb")) }
        }
        // Bytes of texts and numbers may be anything; both outcomes have to be seen.
        #expect(opened > seeds / 50 && opened < seeds)
    }

    @Test func whatIsNoDatabaseIsRefused() {
        let (folder, parser) = (GeoFolder(), JSONParser(depthMax: 8))
        var random = SeededGenerator(seed: 31)
        for count in [0, 1, 13, 14, 15, 100, 4096, 200_000] {
            #expect(!opens([UInt8](repeating: 0, count: count), folder, parser, "zeros"))
            #expect(!opens(random.bytes(count), folder, parser, "noise"))
            #expect(!opens(random.bytes(count) + MaxMindFile.marker, folder, parser, "a marker"))
            #expect(!opens(MaxMindFile.marker + random.bytes(count), folder, parser, "a marker"))
        }
    }
}

/// One to four changes of a few bytes, as a disk, a broken download, or somebody with bad intent makes them.
private struct Mutation {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func apply(to original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0...random.next() % 4 { change(&bytes) }
        return bytes
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private mutating func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        // Metadata and the beginning of the tree are a small part of a file and decide the most.
        let place = random.next() % 3 == 0 ? max(0, bytes.count - 1 - below(250)) : below(bytes.count)
        switch random.next() % 7 {
        case 0, 1: bytes[place] ^= 1 << UInt8(random.next() % 8)
        case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 3: bytes[place] = [0x00, 0xFF, 0x20, 0x3F, 0xE0, 0xFF, 0x1F, 0x04][below(8)]
        case 4:
            for index in place..<min(bytes.count, place + 1 + below(16)) {
                bytes[index] = UInt8(truncatingIfNeeded: random.next())
            }
        case 5:
            let count = min(1 + below(64), bytes.count - place)
            let source = below(bytes.count - count + 1)
            bytes.replaceSubrange(place..<place + count, with: Array(bytes[source..<source + count]))
        default:
            let count = min(1 + below(8), bytes.count - place)
            if random.next() % 2 == 0 {
                bytes.removeSubrange(place..<place + count)
            } else {
                bytes.insert(contentsOf: bytes[place..<place + count], at: place)
            }
        }
    }
}

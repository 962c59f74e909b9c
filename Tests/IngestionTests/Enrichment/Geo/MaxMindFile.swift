import Foundation
import Ingestion
import RecordFormat
import TestSupport

/// Bytes of a MaxMind database, made value by value, so that every one of them can be wrong.
struct MaxMindFile {
    var recordBits = 24
    var version = 6
    var type = "GeoLite2-City"
    /// Two records each: a node's number, nil for nothing, or a place in `data`.
    var nodes: [[Record]] = [[.nothing, .nothing]]
    var data: [UInt8] = []
    /// What the metadata say of the number of nodes; nil: what there are.
    var nodeCount: Int?
    var separator = [UInt8](repeating: 0, count: 16)
    /// Members of the metadata before the usual ones, other values for these, and bytes that only pointers lead to.
    var firstMetadata: [(String, [UInt8])] = []
    var replacedMetadata: [String: [UInt8]] = [:]
    var behindMetadata: [UInt8] = []

    enum Record: Equatable { case node(Int), nothing, data(Int), raw(Int) }

    /// A database whose every address has this record.
    init(everywhere record: [UInt8] = []) {
        guard !record.isEmpty else { return }
        data = record
        nodes = [[.data(0), .data(0)]]
    }

    var bytes: [UInt8] {
        let tree = nodes.flatMap { node in packed(number(node[0]), number(node[1])) }
        return tree + separator + data + Self.marker + metadata
    }

    static let marker: [UInt8] = [0xAB, 0xCD, 0xEF] + Array("MaxMind.com".utf8)

    private var metadata: [UInt8] {
        let usual: [(String, [UInt8])] = [
            ("node_count", Self.number(6, nodeCount ?? nodes.count, 4)), ("record_size", Self.number(5, recordBits, 2)),
            ("ip_version", Self.number(5, version, 2)), ("database_type", Self.text(type)),
            ("languages", Self.array([Self.text("en"), Self.text("es")])), ("binary_format_major_version", Self.number(5, 2, 2)),
            ("binary_format_minor_version", Self.number(5, 0, 2)), ("build_epoch", Self.number(9, 1_769_000_000, 8)),
            ("description", Self.map([("en", Self.text("made by a test"))])),
        ]
        let replaced = usual.map { ($0.0, replacedMetadata[$0.0] ?? $0.1) }
        return Self.map(firstMetadata + replaced) + behindMetadata
    }

    /// How many bytes the metadata have without `behindMetadata`.
    var metadataBytes: Int { metadata.count - behindMetadata.count }

    private func number(_ record: Record) -> Int {
        switch record {
        case .node(let index), .raw(let index): index
        case .nothing: nodes.count
        case .data(let offset): nodes.count + 16 + offset
        }
    }

    private func packed(_ left: Int, _ right: Int) -> [UInt8] {
        func bytes(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }
        switch recordBits {
        case 28: return bytes(left, 3) + [UInt8(left >> 24 & 15) << 4 | UInt8(right >> 24 & 15)] + bytes(right, 3)
        default: return bytes(left, recordBits / 8) + bytes(right, recordBits / 8)
        }
    }

    // MARK: Values

    static func control(_ type: UInt8, _ size: Int) -> [UInt8] {
        let (low, more): (UInt8, [UInt8])
        switch size {
        case ..<29: (low, more) = (UInt8(size), [])
        case ..<285: (low, more) = (29, [UInt8(size - 29)])
        case ..<65_821: (low, more) = (30, [UInt8((size - 285) >> 8), UInt8((size - 285) & 255)])
        default:
            let rest = size - 65_821
            (low, more) = (31, [UInt8(rest >> 16 & 255), UInt8(rest >> 8 & 255), UInt8(rest & 255)])
        }
        return type < 8 ? [type << 5 | low] + more : [low, type - 7] + more
    }

    static func text(_ text: String) -> [UInt8] { control(2, text.utf8.count) + Array(text.utf8) }

    static func text(bytes: [UInt8]) -> [UInt8] { control(2, bytes.count) + bytes }

    static func number(_ type: UInt8, _ value: Int, _ byteCount: Int) -> [UInt8] {
        control(type, byteCount) + (0..<byteCount).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    static func double(_ value: Double) -> [UInt8] {
        control(3, 8) + (0..<8).reversed().map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt64($0 * 8)) }
    }

    static func map(_ members: [(String, [UInt8])]) -> [UInt8] {
        control(7, members.count) + members.flatMap { text($0.0) + $0.1 }
    }

    static func array(_ elements: [[UInt8]]) -> [UInt8] { control(11, elements.count) + elements.flatMap { $0 } }

    /// The longest form of a pointer, which reaches everywhere.
    static func pointer(_ target: Int) -> [UInt8] {
        [0b001_11_000] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: target >> ($0 * 8)) }
    }

    static func city(_ name: String) -> [UInt8] { map([("city", map([("names", map([("en", text(name))]))]))]) }
}

/// Opens databases from bytes, by way of a file.
final class GeoFolder {
    private let folder = TemporaryDirectory()

    func open(_ bytes: [UInt8]) throws -> GeoDatabase {
        let path = folder.file("database.mmdb")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try GeoDatabase(path: path)
    }

    func open(_ file: MaxMindFile) throws -> GeoDatabase { try open(file.bytes) }

    /// What is wrong with a database, without its path.
    func refusal(_ bytes: [UInt8]) -> String? {
        do {
            _ = try open(bytes)
            return nil
        } catch {
            return "\(error)".replacingOccurrences(of: folder.path + "/", with: "")
        }
    }

    func refusal(_ file: MaxMindFile) -> String? { refusal(file.bytes) }
}

extension GeoDatabase {
    /// The answer as text; nil where there is none.
    func answer(_ address: String) -> String? { answer(IPAddress(address)!) }

    func answer(_ address: IPAddress) -> String? {
        var target = GrowableBytes()
        target.append("before")
        let isKnown = append(geoOf: address, to: &target)
        let text = String(decoding: target.bytes, as: UTF8.self)
        precondition(text.hasPrefix("before") && isKnown == (text.count > 6))
        return isKnown ? String(text.dropFirst(6)) : nil
    }
}

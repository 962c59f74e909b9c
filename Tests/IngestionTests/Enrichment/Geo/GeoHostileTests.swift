import EventModel
import Ingestion
import TestSupport
import Testing

/// Databases that somebody made with care.
@Suite struct GeoHostileTests {
    private let folder = GeoFolder()

    private func refusal(_ file: MaxMindFile) -> String? { refusal(file.bytes) }

    private func refusal(_ bytes: [UInt8]) -> String? {
        folder.refusal(bytes).map { $0.replacing("database.mmdb cannot be used for context.geo: ", with: "") }
    }

    /// The answer of a database that has `record` for every address.
    private func answer(_ record: [UInt8]) throws -> String? {
        let answer = try folder.open(MaxMindFile(everywhere: record)).answer("192.0.2.1")
        if let answer { #expect(GeoDamageTests.isWellFormed(answer, JSONParser(depthMax: 8))) }
        return answer
    }

    // MARK: The search tree

    /// Nodes, each of which leads to the next, and the last to `end`.
    private func chain(_ count: Int, end: MaxMindFile.Record, version: Int = 6) -> MaxMindFile {
        var file = MaxMindFile(everywhere: MaxMindFile.city("Azua"))
        file.version = version
        file.nodes = (0..<count).map { [$0 + 1 < count ? .node($0 + 1) : end, .nothing] }
        return file
    }

    @Test(arguments: [24, 28, 32])
    func everyRecordOfTheTreeIsChecked(_ recordBits: Int) throws {
        var file = chain(100, end: .data(0))
        file.recordBits = recordBits
        #expect(try folder.open(file).answer("::1") == "{\"city\":\"Azua\"}")
        #expect(try folder.open(file).answer("8000::") == nil)
        let data = file.nodes.count + 16
        for (node, side) in [(0, 1), (50, 1), (99, 0), (99, 1)] {
            for (record, message) in [
                (data + file.data.count, "a pointer leads to \(file.data.count), beyond its section"),
                ((1 << recordBits) - 1, "beyond its section"), (101, "a pointer leads to -15, beyond its section"),
                (115, "a pointer leads to -1, beyond its section"), (data + 1, "is of type"),
                (node, "the search tree leads back to its node \(node)"), (0, "the search tree leads back to its node 0"),
            ] {
                var damaged = file
                damaged.nodes[node][side] = .raw(record)
                // Then what begins at its second byte is of a type that there is not.
                if record == data + 1 { damaged.data.replaceSubrange(1...2, with: [0x00, 0xF0]) }
                #expect(
                    refusal(damaged)?.contains(message) == true, "node \(node), record \(record): \(refusal(damaged) ?? "none")")
            }
        }
    }

    @Test(arguments: [24, 28, 32])
    func recordsOfEveryWidthAreReadAsLibmaxminddbReadsThem(_ recordBits: Int) throws {
        // A fan of eight bits: 255 nodes, and behind each of 256 leaves another place, the farthest beyond 24 bits where they
        // fit. A node's two places lie far from each other, and between the places is nothing that could be a value.
        var file = MaxMindFile()
        file.version = 4
        file.recordBits = recordBits
        let gap = recordBits == 24 ? 0 : 80_000
        let places = (0..<256).map { leaf in
            defer { file.data += MaxMindFile.city("Place \(leaf)") + [UInt8](repeating: 0xFF, count: gap) }
            return file.data.count
        }
        #expect(recordBits == 24 || file.data.count > 1 << 24)
        let order = (0..<256).map { $0 % 2 == 0 ? $0 / 2 : 255 - $0 / 2 }
        file.nodes = (0..<255).map { index in
            [2 * index + 1, 2 * index + 2].map { $0 < 255 ? .node($0) : .data(places[order[$0 - 255]]) }
        }
        let database = try folder.open(file)
        for leaf in 0..<256 {
            #expect(database.answer(IPAddress(ipv4: UInt32(leaf) << 24 | 7)) == "{\"city\":\"Place \(order[leaf])\"}")
        }
    }

    @Test(arguments: [(4, 32), (6, 128)])
    func noNodeLiesDeeperThanAnAddressHasBits(_ version: Int, _ bits: Int) throws {
        #expect(refusal(chain(bits, end: .data(0), version: version)) == nil)
        #expect(
            refusal(chain(bits + 1, end: .data(0), version: version))
                == "node \(bits) of the search tree lies deeper than an address has bits")
        // Nor by another way than the one it was met by first: of 0's records, the first leads to the last few, the second to the
        // rest.
        var file = chain(bits + 1, end: .data(0), version: version)
        file.nodes[0] = [.node(bits - 5), .node(1)]
        #expect(refusal(file)?.contains("lies deeper than an address has bits") == true)
        // Several ways that are short enough are what databases have for IPv4 in IPv6.
        file = chain(bits, end: .data(0), version: version)
        file.nodes[0] = [.node(bits - 5), .node(1)]
        #expect(refusal(file) == nil)
    }

    @Test func treesAreWalkedOnceHoweverManyWaysThereAre() throws {
        // Both records of every node lead to the next one: 2^128 ways.
        var file = MaxMindFile(everywhere: MaxMindFile.city("Azua"))
        file.nodes = (0..<128).map { $0 < 127 ? [.node($0 + 1), .node($0 + 1)] : [.data(0), .data(0)] }
        #expect(try folder.open(file).answer("2001:db8::1") == "{\"city\":\"Azua\"}")
    }

    // MARK: Data

    @Test func nestingWithoutEndIsRefused() {
        // libmaxminddb 1.7 calls itself for each of these arrays when it looks for what is behind them.
        let deep = [UInt8]((0..<2_000_000).flatMap { _ in MaxMindFile.control(11, 1) })
        let record = MaxMindFile.control(7, 2) + MaxMindFile.text("a") + deep + MaxMindFile.text("end") + MaxMindFile.text("city")
        #expect(refusal(MaxMindFile(everywhere: record + MaxMindFile.map([])))?.contains("lies deeper than 32") == true)

        let nested = { (count: Int) in
            (0..<count).reduce(MaxMindFile.text("end")) { inner, _ in MaxMindFile.map([("a", inner)]) }
        }
        #expect(refusal(MaxMindFile(everywhere: nested(32))) == nil)
        #expect(refusal(MaxMindFile(everywhere: nested(33)))?.contains("lies deeper than 32") == true)
    }

    @Test func pointersThatLeadBackOrToPointersAreRefused() throws {
        var file = MaxMindFile(everywhere: MaxMindFile.map([("city", MaxMindFile.pointer(0))]))
        #expect(refusal(file)?.contains("lies deeper than 32") == true)
        file = MaxMindFile(everywhere: MaxMindFile.pointer(5) + MaxMindFile.pointer(10) + MaxMindFile.city("Azua"))
        #expect(refusal(file)?.contains("the pointer at 0 leads to a pointer") == true)
        file = MaxMindFile(everywhere: MaxMindFile.pointer(0))
        #expect(refusal(file)?.contains("the pointer at 0 leads to a pointer") == true)
        file = MaxMindFile(everywhere: MaxMindFile.pointer(1000))
        #expect(refusal(file)?.contains("the value at 1000 ends beyond its section") == true)
        #expect(try answer(MaxMindFile.pointer(5) + MaxMindFile.city("Azua")) == "{\"city\":\"Azua\"}")
    }

    @Test func namesAreTextsOrPointersToThem() throws {
        let pointed =
            MaxMindFile.control(7, 1) + MaxMindFile.pointer(28) + MaxMindFile.pointer(12) + MaxMindFile.map([])
            + MaxMindFile.map([("names", MaxMindFile.map([("en", MaxMindFile.text("Azua"))]))])
        #expect(pointed.count == 12 + 16)
        #expect(try answer(pointed + MaxMindFile.text("city")) == "{\"city\":\"Azua\"}")
        for name in [MaxMindFile.number(5, 1, 2), MaxMindFile.map([]), MaxMindFile.pointer(0), MaxMindFile.pointer(1)] {
            let record = MaxMindFile.control(7, 1) + name + MaxMindFile.text("x")
            #expect(refusal(MaxMindFile(everywhere: record)) != nil)
        }
    }

    @Test func whatPointersMultiplyIsReadOnce() throws {
        // Fourteen levels, each of which has the one below ten times: 10^14 values, and a city.
        var data: [UInt8] = MaxMindFile.text("end")
        var below = 0
        for _ in 0..<14 {
            let start = data.count
            data += MaxMindFile.array((0..<10).map { _ in MaxMindFile.pointer(below) })
            below = start
        }
        var file = MaxMindFile()
        let start = data.count
        data += MaxMindFile.map([
            ("bomb", MaxMindFile.pointer(below)),
            ("city", MaxMindFile.map([("names", MaxMindFile.map([("en", MaxMindFile.text("Azua"))]))])),
        ])
        file.data = data
        file.nodes = [[.data(start), .data(start)]]
        #expect(try folder.open(file).answer("192.0.2.1") == "{\"city\":\"Azua\"}")
    }

    @Test func aRecordHasABoundedNumberOfValues() throws {
        let members = { (count: Int) in (0..<count).map { ("\($0)", MaxMindFile.number(14, 0, 0)) } }
        #expect(refusal(MaxMindFile(everywhere: MaxMindFile.map(members(1023)))) == nil)
        #expect(refusal(MaxMindFile(everywhere: MaxMindFile.map(members(1024))))?.contains("is one too many") == true)
        // Sizes that are claimed and not there.
        for type: UInt8 in [7, 11, 2, 4] {
            #expect(
                refusal(MaxMindFile(everywhere: MaxMindFile.control(type, 16_000_000) + [1, 2, 3]))?.contains("impossible size")
                    == true)
        }
    }

    @Test func valuesHaveTheSizesThatTheirTypesAllow() {
        for (type, size) in [(3, 7), (3, 9), (5, 3), (6, 5), (8, 5), (9, 9), (10, 17), (14, 2), (15, 3), (15, 8)]
            as [(UInt8, Int)]
        {
            let record = MaxMindFile.control(type, size) + [UInt8](repeating: 1, count: size)
            #expect(
                refusal(MaxMindFile(everywhere: record))?.contains("impossible size, \(size)") == true, "type \(type), \(size)")
        }
        for type in [0, 1, 12 - 7, 13 - 7, 16 - 7, 255] as [UInt8] {
            let isKnown = type == 1
            #expect((refusal(MaxMindFile(everywhere: [0x00, type, 0, 0])) == nil) == isKnown, "type \(type)")
        }
    }

    // MARK: What the answers are made of

    private func city(_ name: [UInt8]) -> [UInt8] {
        MaxMindFile.map([("city", MaxMindFile.map([("names", MaxMindFile.map([("en", MaxMindFile.text(bytes: name))]))]))])
    }

    @Test func textsAreShortAndUTF8() throws {
        let long = String(repeating: "ñ", count: 128)
        #expect(try answer(MaxMindFile.city(long)) == "{\"city\":\"\(long)\"}")
        #expect(try answer(MaxMindFile.city(long + "x")) == nil)
        #expect(try answer(MaxMindFile.city(String(repeating: "x", count: 10_000_000))) == nil)
        #expect(try answer(MaxMindFile.city("")) == nil)
        #expect(try answer(MaxMindFile.city("\0\u{1F}\u{7F}\"\\/🚗")) == "{\"city\":\"\\u0000\\u001f\u{7F}\\\"\\\\/🚗\"}")
        var random = SeededGenerator(seed: 32)
        var known = 0
        for _ in 0..<3000 {
            let bytes = (0..<1 + random.next() % 5).map { _ -> UInt8 in
                let byte = UInt8(truncatingIfNeeded: random.next())
                return random.next() % 4 == 0
                    ? [0x80, 0xBF, 0xC1, 0xC2, 0xE0, 0xED, 0xA0, 0xF0, 0xF4, 0x90][Int(byte) % 10] : byte
            }
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            #expect(try (answer(city(bytes)) != nil) == isValid, "\(bytes)")
            if isValid { known += 1 }
        }
        #expect((100...2000).contains(known))
    }

    @Test(arguments: [
        (18.4861, -69.9312, "{\"latitude\":18.4861,\"longitude\":-69.9312}"),
        (90, -180, "{\"latitude\":90.0,\"longitude\":-180.0}"),
        (-0.0, .leastNonzeroMagnitude, "{\"latitude\":-0.0,\"longitude\":5e-324}"), (90.00001, 0, nil), (0, 180.5, nil),
        (.nan, 0, nil),
        (0, .nan, nil),
        (.infinity, 0, nil), (0, -.infinity, nil), (1e308, 1e308, nil),
        (-12.345678901234567, 1, "{\"latitude\":-12.345678901234567,\"longitude\":1.0}"),
    ])
    func placesAreOnTheGlobe(_ latitude: Double, _ longitude: Double, _ expected: String?) throws {
        let location = MaxMindFile.map([("latitude", MaxMindFile.double(latitude)), ("longitude", MaxMindFile.double(longitude))])
        #expect(try answer(MaxMindFile.map([("location", location)])) == expected)
    }

    @Test func membersOfOtherTypesAreLeftOut() throws {
        let number = MaxMindFile.number(6, 7, 4)
        let location = MaxMindFile.map([("latitude", MaxMindFile.text("18")), ("longitude", number), ("time_zone", number)])
        for record in [
            MaxMindFile.map([("country", MaxMindFile.map([("iso_code", number)])), ("city", number), ("location", location)]),
            MaxMindFile.map([
                ("country", MaxMindFile.text("DO")), ("city", MaxMindFile.array([number])), ("subdivisions", number),
            ]),
            MaxMindFile.map([("location", MaxMindFile.map([("latitude", MaxMindFile.double(1))]))]),
            MaxMindFile.map([("subdivisions", MaxMindFile.array([]))]), MaxMindFile.map([]), MaxMindFile.text("DO"),
            MaxMindFile.array([]),
            number,
        ] {
            #expect(try answer(record) == nil)
        }
    }

    // MARK: Metadata

    @Test(arguments: [
        ("node_count", MaxMindFile.number(6, 0, 4), "the metadata does not say how many nodes there are"),
        ("node_count", MaxMindFile.text("1"), "the metadata does not say how many nodes there are"),
        // 2^29 + 1 nodes of 8 bytes are 8 bytes where 32 bits are calculated with.
        ("node_count", MaxMindFile.number(6, 1 << 29 | 1, 4), "the file ends before its search tree of 536870913 nodes does"),
        ("node_count", MaxMindFile.number(6, 0xFFFF_FFFF, 4), "the file ends before its search tree of 4294967295 nodes does"),
        ("node_count", MaxMindFile.number(6, 2, 4), "there are no 16 zero bytes behind its search tree of 2 nodes"),
        ("record_size", MaxMindFile.number(5, 26, 2), "a record has neither 24 nor 28 nor 32 bits"),
        ("record_size", MaxMindFile.number(5, 0, 0), "a record has neither 24 nor 28 nor 32 bits"),
        ("ip_version", MaxMindFile.number(5, 5, 2), "it is neither for IPv4 nor for IPv6"),
        ("binary_format_major_version", MaxMindFile.number(5, 3, 2), "its format is not version 2, the one that is read here"),
        ("database_type", MaxMindFile.number(5, 3, 2), "the metadata does not say what it is a database of"),
        ("database_type", MaxMindFile.text(bytes: [0xFF]), "the metadata does not say what it is a database of"),
        (
            "database_type", MaxMindFile.text(String(repeating: "City", count: 65)),
            "the metadata does not say what it is a database of"
        ),
        ("build_epoch", MaxMindFile.map([]), "database.mmdb is refused by libmaxminddb: "),
        ("languages", MaxMindFile.array([MaxMindFile.map([])]), "database.mmdb is refused by libmaxminddb: "),
    ])
    func metadataAreCheckedBeforeLibmaxminddbReadsThem(_ name: String, _ value: [UInt8], _ message: String) {
        var file = MaxMindFile(everywhere: MaxMindFile.city("Azua"))
        file.recordBits = 32
        #expect(refusal(file) == nil)
        file.replacedMetadata = [name: value]
        #expect(refusal(file)?.hasPrefix(message) == true, "\(refusal(file) ?? "none")")
    }

    @Test func theSeparatorIsZero() {
        var file = MaxMindFile(everywhere: MaxMindFile.city("Azua"))
        file.separator[15] = 1
        #expect(refusal(file) == "there are no 16 zero bytes behind its search tree of 1 nodes")
    }

    @Test func metadataWithoutMeasureAreRefused() {
        var file = MaxMindFile(everywhere: MaxMindFile.city("Azua"))
        file.firstMetadata = [("many", MaxMindFile.array((0..<500).map { _ in MaxMindFile.text("x") }))]
        #expect(refusal(file)?.contains("is one too many") == true)
        // libmaxminddb makes a list of all that a description has, and follows pointers each time: 4^12 entries from 12 arrays of
        // 22 bytes.
        file.firstMetadata = []
        file.replacedMetadata = ["description": MaxMindFile.map([("en", MaxMindFile.pointer(0))])]
        let start = file.metadataBytes
        file.replacedMetadata = ["description": MaxMindFile.map([("en", MaxMindFile.pointer(start))])]
        for level in 1...12 {
            file.behindMetadata += MaxMindFile.array((0..<4).map { _ in MaxMindFile.pointer(start + 22 * level) })
        }
        file.behindMetadata += MaxMindFile.text("end")
        #expect(refusal(file)?.contains("is one too many") == true)
    }

    @Test func theLastMarkerCounts() throws {
        // One within a record's text is none.
        let file = MaxMindFile(everywhere: MaxMindFile.map([("note", MaxMindFile.text(bytes: MaxMindFile.marker))]))
        #expect(refusal(file) == nil)
        let behind = MaxMindFile(everywhere: MaxMindFile.city("Azua"))
        #expect(refusal(behind.bytes + MaxMindFile.marker) != nil)
        // libmaxminddb looks for it in the last 128 KiB.
        var far = behind
        far.behindMetadata = [UInt8](repeating: 0, count: (128 << 10) - far.metadataBytes - MaxMindFile.marker.count)
        #expect(refusal(far) == nil)
        far.behindMetadata.append(0)
        #expect(refusal(far) == "there is no metadata: it is no MaxMind database, or lacks its end")
    }
}

import EventModel
import Foundation
import Testing

/// JSON Schema's official test suite for draft 2020-12, as `Tools/test` fetches it. It is not part of this project; without it these
/// tests fail.
@Suite struct SchemaSuiteTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(".build/json-schema-suite")
    static let tests = folder.appendingPathComponent("tests/draft2020-12")
    static let formats = ["date-time", "date", "time", "email", "ipv4", "ipv6", "uri", "uuid"]

    @Test func everyRequiredTestPasses() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.tests.path).filter { $0.hasSuffix(".json") }
        var tally = Tally()
        for file in files.sorted() { try tally.run(Self.tests.appendingPathComponent(file), assertsFormats: false) }
        print("JSON Schema suite, draft 2020-12, required: \(tally.passed)/\(tally.total) passed")
        #expect(tally.failures == [])
        #expect(files.count >= 46 && tally.total >= 1257)
    }

    @Test func everyTestOfTheAssertedFormatsPasses() throws {
        #expect(Set(Self.formats) == Set(JSONSchemas.assertedFormats))
        var tally = Tally()
        for format in Self.formats {
            try tally.run(Self.tests.appendingPathComponent("optional/format/\(format).json"), assertsFormats: true)
        }
        print("JSON Schema suite, draft 2020-12, asserted formats: \(tally.passed)/\(tally.total) passed")
        #expect(tally.failures == [])
        #expect(tally.total >= 200)
    }

    /// The optional tests that this validator makes a claim about.
    @Test(arguments: ["anchor", "dynamicRef", "id", "no-schema", "non-bmp-regex", "refOfUnknownKeyword", "unknownKeyword"])
    func optionalTestsPass(file: String) throws {
        var tally = Tally()
        try tally.run(Self.tests.appendingPathComponent("optional/\(file).json"), assertsFormats: false)
        #expect(tally.failures == [])
        #expect(tally.total > 0)
    }

    struct Tally {
        private(set) var passed = 0
        private(set) var failures: [String] = []
        var total: Int { passed + failures.count }

        mutating func run(_ file: URL, assertsFormats: Bool) throws {
            try JSONDocument(Array(Data(contentsOf: file))).withRoot { try run($0, file.lastPathComponent, assertsFormats) }
        }

        private mutating func run(_ groups: JSONValue, _ name: String, _ assertsFormats: Bool) throws {
            for (number, group) in groups.elements.enumerated() {
                let schema = group.member("schema")!
                let tests = group.member("tests")!
                let title = "\(name): \(group.member("description")!.string!)"
                do {
                    let source = JSONSchemas.Source(
                        try JSONDocument(Array(schema.source)), uri: "suite:/\(name)/\(number)", file: name)
                    let schemas = try JSONSchemas([source], assertsFormats: assertsFormats, load: Self.load)
                    for test in tests.elements { note(title, test, schemas) }
                } catch {
                    for test in tests.elements { failures.append("\(title): \(test.member("description")!.string!): \(error)") }
                }
            }
        }

        private mutating func note(_ title: String, _ test: JSONValue, _ schemas: JSONSchemas) {
            let isValid = test.member("valid")!.bool!
            let data = test.member("data")!
            let accepts = schemas.accepts(data, schemas.roots[0])
            let violations = schemas.violations(of: data, schemas.roots[0], max: 100)
            if accepts == isValid && violations.isEmpty == isValid {
                passed += 1
            } else {
                failures.append(
                    "\(title): \(test.member("description")!.string!): \(String(decoding: data.source, as: UTF8.self)) "
                        + "is \(isValid ? "valid" : "invalid"), not \(accepts), \(violations)")
            }
        }

        private static func load(_ uri: String) throws(SchemaError) -> JSONDocument? {
            let place: String
            if uri.hasPrefix("http://localhost:1234/") {
                place = "remotes/" + uri.dropFirst("http://localhost:1234/".count)
            } else if uri == "https://json-schema.org/draft/2020-12/schema" {
                place = "metaschemas/metaschema.json"
            } else if uri.hasPrefix("https://json-schema.org/draft/2020-12/meta/") {
                place = "metaschemas/vocabularies/" + uri.dropFirst("https://json-schema.org/draft/2020-12/meta/".count)
            } else {
                return nil
            }
            guard let data = try? Data(contentsOf: folder.appendingPathComponent(place)) else { return nil }
            return try? JSONDocument(Array(data))
        }
    }
}

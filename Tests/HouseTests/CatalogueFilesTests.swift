import Foundation
import Testing

/// A schema is in the binary only where `catalogue.c` embeds it.
@Suite struct CatalogueFilesTests {
    static let folder = ImportRulesTests.sources.appendingPathComponent("EventCatalogue")

    /// What stands between `prefix` and the closing quote of each line that begins so.
    static func paths(in text: String, behind prefix: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            let line = line.drop { $0 == " " }
            guard line.hasPrefix(prefix) else { return nil }
            return String(line.dropFirst(prefix.count).prefix { $0 != "\"" })
        }
    }

    @Test func everySchemaIsEmbeddedUnderItsOwnName() throws {
        let files = try #require(FileManager.default.enumerator(atPath: Self.folder.appendingPathComponent("schemas").path))
            .compactMap { $0 as? String }.filter { $0.hasSuffix(".json") }
        let text = try String(contentsOf: Self.folder.appendingPathComponent("catalogue.c"), encoding: .utf8)
        let names = Self.paths(in: text, behind: "FILE_BEGIN(\"")
        let embedded = Self.paths(in: text, behind: "#embed \"schemas/")
        #expect(names == embedded, "a name above another's file")
        #expect(names == files.sorted(), "a file that is not embedded, a line without its file, or not in alphabetical order")
        #expect(files.count > 50)
    }

    @Test func pathsAreFoundInTheirLines() {
        let text = "    FILE_BEGIN(\"a.json\")\n#embed \"schemas/a.json\"\n    FILE_END\n#define FILE_BEGIN(name) {name,\n"
        #expect(Self.paths(in: text, behind: "FILE_BEGIN(\"") == ["a.json"])
        #expect(Self.paths(in: text, behind: "#embed \"schemas/") == ["a.json"])
    }
}

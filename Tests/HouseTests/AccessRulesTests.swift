import Foundation
import Testing

/// What an event's records are made with is called from other rooms for every one of them, and the compiler does not look into what is
/// `package` from there (decision 10).
@Suite struct AccessRulesTests {
    static let rooms = ["EventModel", "RecordFormat", "EventLog"]

    static func hasPackageDeclaration(_ line: Substring) -> Bool {
        line.prefix { $0 != "/" }.split(separator: " ").contains("package")
    }

    @Test func theLowestRoomsArePublic() throws {
        var read = 0
        for room in Self.rooms {
            let folder = ImportRulesTests.sources.appendingPathComponent(room)
            let files = FileManager.default.enumerator(atPath: folder.path)!
            for case let file as String in files where file.hasSuffix(".swift") {
                let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
                for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
                where Self.hasPackageDeclaration(line) {
                    Issue.record(
                        "Sources/\(room)/\(file):\(number + 1) is package: another room calls it, and does not inline it")
                }
                read += 1
            }
        }
        #expect(read > 20)
    }

    @Test func declarationsAreFoundAndCommentsAreNot() {
        #expect(Self.hasPackageDeclaration("    @inlinable package var isNull: Bool { true }"))
        #expect(Self.hasPackageDeclaration("package import EventLog"))
        #expect(!Self.hasPackageDeclaration("    /// what is package"))
        #expect(!Self.hasPackageDeclaration("    public let packageName: String"))
    }
}

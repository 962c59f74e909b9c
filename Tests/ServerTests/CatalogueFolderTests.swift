import EventModel
import Foundation
import Server
import Testing

/// What is read of a folder of schemas, and what refuses it.
@Suite final class CatalogueFolderTests {
    private let outer = FileManager.default.temporaryDirectory.appendingPathComponent("catalogue-\(UUID().uuidString)").path
    private var folder: String { outer + "/own" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: outer) }

    private func write(_ name: String, _ text: String = "{}") throws {
        let path = folder + "/" + name
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
    }

    private func link(_ name: String, to target: String) { #expect(symlink(target, folder + "/" + name) == 0) }

    /// By name.
    private func read(_ path: String? = nil) throws -> [String: String] {
        let files = try CatalogueFolder.files(path ?? folder).filter { $0.origin.hasPrefix(path ?? folder) }
        #expect(files.allSatisfy { $0.origin == "\(path ?? folder)/\($0.name)" })
        return Dictionary(uniqueKeysWithValues: files.map { ($0.name, String(decoding: $0.text, as: UTF8.self)) })
    }

    private func refusal(_ path: String? = nil) -> String {
        do {
            return "read \(try read(path).keys.sorted())"
        } catch { return "\(error)" }
    }

    @Test func filesAndFoldersMayBeLinks() throws {
        try write("../elsewhere/a.json", "1")
        try write("../elsewhere/deep/b.json", "2")
        link("mine.json", to: "../elsewhere/a.json")
        link("shared", to: outer + "/elsewhere")
        link("again", to: "../elsewhere/deep")
        link("notes", to: "nowhere")
        #expect(
            try read() == ["mine.json": "1", "shared/a.json": "1", "shared/deep/b.json": "2", "again/b.json": "2"])
        link("../current", to: "own")
        #expect(try read(outer + "/current").count == 4)
    }

    @Test func whatIsHiddenIsLeftAlone() throws {
        for name in [
            "._x.json", ".x.json.swp", ".x.json", ".json", ".git/x.json", "shared/.git/x.json", "..data/x.json",
            "lost+found/x.json",
            "x.json~", "x.json.bak", "readme.md",
        ] { try write(name, "no schema") }
        link(".#y.json", to: "me@host.1:2")
        for name in ["y.json", "...json", "shared/y.json"] { try write(name) }
        #expect(try read().keys.sorted() == ["...json", "shared/y.json", "y.json"])
    }

    @Test func whatIsNoFileIsRefused() throws {
        let path = folder + "/x.json"
        #expect(mkfifo(path, 0o600) == 0)
        #expect(refusal() == "\(path): is a pipe, no file; what is called *.json must be a schema")
        unlink(path)
        link("x.json", to: "/dev/zero")
        #expect(refusal() == "\(path): is a device, no file; what is called *.json must be a schema")
        unlink(path)
        try write("x.json/y.json")
        #expect(refusal() == "\(path): is a folder, no file; what is called *.json must be a schema")
        try FileManager.default.removeItem(atPath: path)
        link("x.json", to: "none")
        #expect(refusal() == "\(path): is a link that leads nowhere; mend it or remove it")
        unlink(path)
        link("x.json", to: "x.json")
        #expect(
            refusal().hasPrefix("\(path): cannot be read: Too many levels of symbolic links; it is a link that leads to itself"))
    }

    @Test func aLinkBackIsRefused() throws {
        try write("shared/a.json")
        link("shared/up", to: "..")
        #expect(refusal() == "\(folder)/shared/up/ is a link back to a folder that it stands in; remove it")
    }

    @Test func whatTakesTooMuchIsRefused() throws {
        try write("x.json", String(repeating: " ", count: SchemaFile.bytesMax) + "{")
        #expect(refusal() == "\(folder)/x.json: has more than 1048576 bytes, the most of a schema")
        try write("x.json", String(repeating: " ", count: SchemaFile.bytesMax - 2) + "{}")
        #expect(try read().count == 1)
        // Folders that double with every level.
        for level in 0..<12 {
            try write("../\(level)/x.json")
            for name in ["a", "b"] { link("../\(level)/\(name)", to: "../\(level + 1)") }
        }
        link("deep", to: "../0")
        #expect(refusal() == "EventTracking.Catalog: \(folder) holds more than 1000 folders")
    }

    @Test func aFolderThatIsNoneIsToldWithTheSetting() throws {
        #expect(refusal(folder + "/none") == "EventTracking.Catalog: \(folder)/none is no directory that can be read")
        try write("x.json")
        #expect(refusal(folder + "/x.json") == "EventTracking.Catalog: \(folder)/x.json is no directory that can be read")
        link("loop", to: "loop")
        #expect(
            refusal(folder + "/loop")
                == "EventTracking.Catalog: \(folder)/loop is no directory that can be read: Too many levels of symbolic links; it is a link that leads to itself"
        )
        #expect(refusal("") == "EventTracking.Catalog:  is no directory that can be read")
    }

    @Test func aNameThatIsNoTextIsRefused() throws {
        let bytes: [CChar] = (folder + "/").utf8CString.dropLast() + [-1] + ".json".utf8CString
        let descriptor = open(bytes, O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
        #expect(refusal().hasSuffix(".json: its name is not UTF-8; give it another"))
    }
}

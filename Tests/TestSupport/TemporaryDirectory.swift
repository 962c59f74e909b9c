internal import Foundation

/// A folder of its own for one test, removed when the value goes.
package final class TemporaryDirectory {
    package let path: String

    package init() {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("okla-test-\(UUID().uuidString)").path
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { "\(path)/\(name)" }
}

package enum Fixtures {
    /// The bytes of `Fixtures/<name>` at the top of the repository.
    package static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }

    package static func path(_ name: String) -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appendingPathComponent("Fixtures/\(name)").path
    }
}

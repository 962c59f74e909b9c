internal import Foundation

/// What a service has made for its data directory, and keeps there.
struct StoredCredentials {
    let path: String
    private let stored: [String: String]?

    init(dataDirectory: String) {
        path = "\(dataDirectory)/credentials.json"
        stored = FileManager.default.contents(atPath: path)
            .flatMap { try? JSONSerialization.jsonObject(with: $0) as? [String: String] }
    }

    var writeKey: String? { stored?["writeKey"] }
    var adminToken: String? { stored?["adminToken"] }
}

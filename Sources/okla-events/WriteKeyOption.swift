import ArgumentParser
internal import Foundation

/// Which write key is meant.
struct WriteKeyOption: ParsableArguments {
    @Option(
        name: [.customLong("write-key"), .customLong("key")],
        help: "The write key; without it EVENT_TRACKING_WRITE_KEY, or the key in DATA-DIR/credentials.json.")
    var writeKey: String?

    @Option(help: ArgumentHelp("Where to look for the service's own key.", valueName: "dir"))
    var dataDir = "./data"

    /// Without one, ends the command with code 1.
    func key() throws -> String {
        if let writeKey { return writeKey }
        if let key = ProcessInfo.processInfo.environment["EVENT_TRACKING_WRITE_KEY"] { return key }
        let credentials = StoredCredentials(dataDirectory: dataDir)
        if let key = credentials.writeKey { return key }
        throw Failure.report(
            "no write key: give --write-key, set EVENT_TRACKING_WRITE_KEY, or name the service's --data-dir "
                + "(\(credentials.path) cannot be read)")
    }
}

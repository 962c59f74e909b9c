import ArgumentParser
internal import Foundation
internal import Logging
internal import Server

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the service until SIGTERM or Ctrl-C.",
        discussion: """
            Without any option: HTTP on 127.0.0.1:5050, data in ./data, a write key and an admin token made at the first start
            and kept in ./data/credentials.json. When it takes events it prints one JSON line to standard output; its log goes
            to standard error.

            Configuration, each above the one before: the JSON file, the environment (the key in upper snake case, such as
            EVENT_TRACKING_BATCH_SIZE or LOG_DURABILITY), these options.
            """)

    @Option(help: ArgumentHelp("The configuration, a JSON file.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Where everything is kept.", valueName: "dir"))
    var dataDir: String?

    @Option(help: "The address to listen on.")
    var host: String?

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port: Int?

    @Flag(help: "Keeps the data in a temporary directory that is removed at the end.")
    var ephemeral = false

    func validate() throws {
        if let port, !(0...65535).contains(port) { throw ValidationError("--port must be 0 to 65535") }
        if ephemeral && dataDir != nil { throw ValidationError("--ephemeral and --data-dir exclude each other") }
    }

    func run() async throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "okla-events")
        logger.logLevel = .info
        do {
            let service = EventTrackingService(settings: try settings(), logger: logger, announce: standardOutput)
            try await service.run()
        } catch {
            throw Failure.report("\(error)")
        }
    }

    private func settings() throws -> Settings {
        let environment = ProcessInfo.processInfo.environment
        var sources = ConfigurationSources()
        if let config {
            guard let text = FileManager.default.contents(atPath: config) else {
                throw ConfigurationError("\(config): cannot be read")
            }
            try sources.add(file: Array(text), path: config, environment: environment)
        }
        try sources.add(environment: environment)
        var settings = try Settings(sources)
        if let host { settings.host = host }
        if let port { settings.port = port }
        if let dataDir { settings.dataDirectory = dataDir }
        settings.isEphemeral = ephemeral
        return settings
    }
}

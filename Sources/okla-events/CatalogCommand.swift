import ArgumentParser
internal import EventModel
internal import Foundation
internal import Server

struct CatalogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog",
        abstract: "Looks into the catalogue of events, whether a service runs or not.",
        subcommands: [CatalogListCommand.self, CatalogCheckCommand.self, CatalogValidateCommand.self])
}

/// Which catalogue is meant.
struct CatalogLocation: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A directory of schemas that replace built-in ones or add to them, as EventTracking.Catalog. Default: EVENT_TRACKING_CATALOG, else none.",
            valueName: "dir"))
    var catalog: String?

    var folder: String? { catalog ?? ProcessInfo.processInfo.environment["EVENT_TRACKING_CATALOG"] }

    /// Runs `body`; errors end the command with code 1.
    func reporting<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ExitCode {
            throw error
        } catch {
            throw Failure.report(TerminalText.escaped("\(error)"))
        }
    }
}

struct CatalogListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the events that are known, what each means, and which file says so.")

    @OptionGroup var location: CatalogLocation

    func run() throws {
        let catalogue = try location.reporting { try CatalogueFolder.catalogue(location.folder) }
        let names = catalogue.events.map { TerminalText.escaped($0.name) }
        let width = names.map(TerminalText.width).max() ?? 0
        for (event, name) in zip(catalogue.events, names) {
            let origin = event.isBuiltIn ? "" : "  (\(TerminalText.escaped(event.origin)))"
            print("\(TerminalText.padded(name, to: width))  \(TerminalText.escaped(event.description))\(origin)")
        }
    }
}

struct CatalogCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks schema files as if they were part of the catalogue.",
        discussion: """
            A file in a folder called shared counts as one that others refer to, any other as the event of its name. What is wrong is told with the
            file and a JSON Pointer to the place. Exit code 0: all can be used. 1: one cannot.
            """)

    @OptionGroup var location: CatalogLocation

    @Argument(help: "The files.")
    var files: [String]

    func run() throws {
        try location.reporting {
            let checked = try files.map { path in
                let url = URL(fileURLWithPath: path)
                let isShared = url.deletingLastPathComponent().lastPathComponent == "shared"
                return try SchemaFile.file(path, name: (isShared ? "shared/" : "") + url.lastPathComponent)
            }
            for file in checked where !CatalogueFile.isName(file.name) {
                throw ConfigurationError("\(file.origin): a schema's file is called EVENT.json")
            }
            let all = try CatalogueFolder.files(location.folder) + checked
            _ = try Catalogue(all)
            for file in replaced(checked) { _ = try Catalogue(all + [file]) }
        }
        print("ok: \(TerminalText.escaped(files.joined(separator: ", ")))")
    }

    /// Those in whose place the catalogue has a later one of the same name.
    private func replaced(_ files: [CatalogueFile]) -> [CatalogueFile] {
        var seen: Set<[UInt8]> = []
        return files.reversed().filter { !seen.insert(Array($0.name.utf8)).inserted }.reversed()
    }
}

struct CatalogValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Checks events against the catalogue, without a service.",
        discussion: """
            EVENTS is a file of one event a line (NDJSON) or of one JSON array, "-" for standard input. Each event that the service would reject stands
            on standard output with the place and the reason. Exit code 0: all would be taken. 1: one would not.
            """)

    @OptionGroup var location: CatalogLocation

    @Flag(help: "Events that are not in the catalogue are wrong, as with EventTracking.UnknownEvents \"reject\".")
    var rejectUnknown = false

    @Argument(help: ArgumentHelp("The events.", valueName: "events"))
    var file: String

    func run() throws {
        var (count, wrong) = (0, 0)
        try location.reporting {
            let catalogue = try CatalogueFolder.catalogue(location.folder, unknownEvents: rejectUnknown ? .reject : .accept)
            let check = try EventCheck(catalogue, environment: ProcessInfo.processInfo.environment)
            try EventFile(file).forEachEvent { place, event in
                let violations = try check.violations(event)
                count += 1
                if violations.isEmpty { return }
                wrong += 1
                for violation in violations {
                    let path = violation.path.isEmpty ? "" : violation.path + " "
                    print(TerminalText.escaped("\(place): \(path)\(violation.message) (\(violation.keyword))"))
                }
            }
        }
        print("\(count - wrong) of \(count) events fit the catalogue")
        if wrong > 0 { throw ExitCode.failure }
    }
}

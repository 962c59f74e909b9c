import ArgumentParser
internal import Foundation
internal import Server

struct SDKCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sdk",
        abstract: "The browser SDK, which the service serves at /sdk/v1/okla.min.js.",
        subcommands: [SDKSnippetCommand.self])
}

struct SDKSnippetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snippet", abstract: "Prints what a page pastes into its head to load the SDK.",
        discussion: """
            The snippet goes to standard output, ready to paste. What a page with a Content-Security-Policy has to allow goes to standard error.

            With --pinned the page loads this very version, which never changes, and the browser refuses any other bytes. Without, it loads the
            newest one that the service has.
            """)

    @OptionGroup var writeKey: WriteKeyOption

    @Option(help: "The service's address as browsers reach it, such as https://events.example.com.")
    var host: String

    @Flag(help: "Loads the script by its hash, with an integrity attribute.")
    var pinned = false

    func run() throws {
        let snippet: SDKSnippet
        do {
            snippet = try SDKSnippet(writeKey: writeKey.key(), host: host, isPinned: pinned)
        } catch let error as SDKSnippet.Failure {
            throw Failure.report(error.message)
        }
        print(snippet.html)
        standardError("With a Content-Security-Policy the page needs:\n  \(snippet.contentSecurityPolicy)\n")
    }
}

import ArgumentParser

@main
struct OklaEvents: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "okla-events",
        abstract: "Takes a marketplace's events over HTTP and keeps them in a durable log in Kafka's format.",
        discussion: """
            Start the service:          okla-events serve
            Send events to it:          okla-events send events.ndjson --write-key KEY
            Look into its log:          okla-events log topics
                                        okla-events log dump --topic okla.events.raw
                                        okla-events log verify
            A user's whole story:       okla-events users user-123
            Who reads the log, how far: okla-events consumers
            Read the log again:         okla-events replay --from earliest --target topic:copy
            Look at what it rejected:   okla-events rejected list
            The snippet for a page:     okla-events sdk snippet --host https://events.example.com
            Check events and schemas:   okla-events catalog list
                                        okla-events catalog validate events.ndjson

            Exit codes: 0 done, 1 the thing asked for failed, 64 wrong usage.
            """,
        subcommands: [
            ServeCommand.self, SendCommand.self, UsersCommand.self, ConsumersCommand.self, ReplayCommand.self,
            CatalogCommand.self,
            RejectedCommand.self,
            LogCommand.self,
            SDKCommand.self,
        ])
}

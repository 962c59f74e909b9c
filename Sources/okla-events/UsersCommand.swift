import ArgumentParser
internal import EventModel
internal import Foundation

struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Prints a user's events, newest first, one JSON object a line.",
        discussion: """
            Those from before it was known who they are of are among them: of each anonymous id that an identify event made the user's, in the
            time in which it was. Each event is as it is stored, with its partition and offset. Their number stands on standard error.
            """)

    @OptionGroup var location: AdminLocation

    @Argument(help: "The user's id, or the anonymous id of somebody who is not known yet.")
    var id: String

    @Option(help: "At most so many events; 0: all.")
    var limit = 100

    @Option(help: "Only events received from this time on, such as 2026-01-21T10:30:45Z.")
    var from: String?

    @Option(help: "Only events received before this time.")
    var to: String?

    @Option(help: "Only events of this name.")
    var event: String?

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit must be 0 or more") }
        if id.isEmpty { throw ValidationError("the id is empty") }
    }

    private static let pageMax = 1000

    func run() async throws { try await AdminClient.use(location, list) }

    private func list(_ client: AdminClient) async throws {
        var count = 0
        var cursor: String?
        repeat {
            let room = limit == 0 ? Self.pageMax : min(Self.pageMax, limit - count)
            let answer = try await client.bytes(
                "/api/admin/events/user/\(AdminClient.encoded(id))",
                [("limit", "\(room)"), ("cursor", cursor), ("from", from), ("to", to), ("event", event)])
            let page = try Page(answer)
            for event in page.events { print(event) }
            count += page.events.count
            cursor = page.nextCursor
        } while cursor != nil && (limit == 0 || count < limit)
        standardError("\(count) event\(count == 1 ? "" : "s")\(cursor == nil ? "" : ", and there are more")\n")
    }

    /// An answer, its events as they stand in it: read and written again, numbers would not be what they were.
    private struct Page {
        private static let depthMax = 1024

        var events: [String] = []
        var nextCursor: String?

        init(_ answer: Data) throws {
            let text = Array(answer) + Array(repeating: 0, count: JSONParser.padding)
            let parser = JSONParser(depthMax: Self.depthMax)
            try text.withUnsafeBytes { bytes in
                guard let root = try? parser.parse(UnsafeRawBufferPointer(rebasing: bytes[..<answer.count])).root,
                    let list = root.member("events"), list.isArray
                else { throw Failure.report("the answer is not what was asked for") }
                events = list.elements.map { RecordText.value($0.source) }
                nextCursor = root.member("nextCursor")?.string
            }
        }
    }
}

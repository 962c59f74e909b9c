import ArgumentParser

struct ConsumersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consumers", abstract: "Prints how far each consumer of the log is, as a running service says.",
        discussion: """
            LAG are records that the group has not taken yet, TAKEN those since the service began. ASIDE are records that it could not take and set
            aside, MISSED offsets that it has passed without a record: removed by retention before it came to them, or damaged. Groups of
            Kafka's clients say no more than the offsets that they have committed.
            """)

    @OptionGroup var location: AdminLocation

    @Flag(help: "Each partition by itself.")
    var partitions = false

    private struct Answer: Decodable {
        let consumers: [Group]
    }

    private struct Group: Decodable {
        struct Partition: Decodable {
            let partition: Int
            let position, committed, endOffset, lag: Int64
        }

        let group, topic, state: String
        let reason: String?
        let members: Int?
        let lag: Int64
        let taken, failures, setAside, missedToRetention, missedToDamage: Int64?
        let partitions: [Partition]
    }

    func run() async throws {
        let groups = try await AdminClient.use(location) { client in
            let answer: Answer = try await client.get("/api/admin/consumers")
            return answer.consumers
        }
        var table = TextTable(
            partitions
                ? ["GROUP", "TOPIC", "PARTITION", "POSITION", "COMMITTED", "END", "LAG"]
                : ["GROUP", "TOPIC", "STATE", "LAG", "TAKEN", "FAILURES", "ASIDE", "MISSED"])
        for group in groups {
            if partitions {
                for partition in group.partitions {
                    table.add([
                        group.group, group.topic, "\(partition.partition)", "\(partition.position)", "\(partition.committed)",
                        "\(partition.endOffset)", "\(partition.lag)",
                    ])
                }
            } else {
                func shown(_ number: Int64?) -> String { number.map(String.init) ?? "-" }
                table.add([
                    group.group, group.topic, group.state + (group.members.map { ", \($0) members" } ?? ""), "\(group.lag)",
                    shown(group.taken), shown(group.failures), shown(group.setAside),
                    shown(group.missedToRetention.map { $0 + (group.missedToDamage ?? 0) }),
                ])
            }
        }
        print(table.text)
        for group in groups {
            if let reason = group.reason { standardError("\(group.group): \(TerminalText.escaped(reason))\n") }
        }
    }
}

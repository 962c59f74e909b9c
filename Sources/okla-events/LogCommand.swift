import ArgumentParser
internal import EventLog
internal import Foundation
internal import LogStorage

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Looks into a log directory, whether the service runs or not.",
        subcommands: [TopicsCommand.self, DumpCommand.self, VerifyCommand.self, RepairCommand.self])
}

/// The option that all of them take, and what follows from it.
struct LogLocation: ParsableArguments {
    @Option(help: ArgumentHelp("The service's data directory.", valueName: "dir"))
    var dataDir = "./data"

    var directory: LogDirectory { LogDirectory("\(dataDir)/log") }

    /// Runs `body` with the directory's meta data; errors end the command with code 1.
    func inspect(_ body: (LogInspector, LogMeta) throws -> Void) throws {
        do {
            let inspector = LogInspector(directory)
            try body(inspector, try inspector.meta())
        } catch let error as LogError {
            throw Failure.report(error.message)
        }
    }
}

extension LogMeta {
    var partitions: [(topic: TopicDefinition, partition: TopicPartition)] {
        topics.flatMap { topic in
            (0..<topic.partitionCount).map { (topic, TopicPartition(topic.name, PartitionID($0))) }
        }
    }
}

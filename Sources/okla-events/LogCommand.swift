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

    /// The service that has the directory open; nil where none has.
    func holder() throws -> LogDirectory.Holder? {
        do throws(LogError) {
            switch try directory.access(processID: ProcessInfo.processInfo.processIdentifier) {
            case .acquired(let lock):
                lock.release()
                return nil
            case .inUse(let holder): return holder
            }
        } catch {
            // A directory that cannot be locked (read-only, a copy) is not in use by anyone who could write.
            return nil
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

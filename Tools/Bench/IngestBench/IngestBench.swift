import Foundation

/// Runs requests of the benchmark's events through ingestion, without HTTP. Prints one line of JSON.
@main
struct IngestBench {
    private static let usage = """
        usage: ingest-bench stages BODIES DIRECTORY [--geo DATABASE]
               ingest-bench prepare BODIES
               ingest-bench everything BODIES DIRECTORY

        BODIES is a file of requests that Tools/bench has made (.build/bench/bodies). `stages`: what each stage of ingestion takes of the
        processor, what all of it does, and what it does together with logs in folders that are made beside DIRECTORY.
        `prepare`: from bodies to records once, for a profiler. `everything`: the same with a log in the folder that is made at DIRECTORY.

        """

    static func main() throws {
        var words = CommandLine.arguments.dropFirst()
        guard let command = words.popFirst(), let path = words.popFirst() else { end() }
        let bodies = try Bodies(path: path)
        switch (command, words.count) {
        case ("prepare", 0): try Whole(Parts(geo: nil), bodies).prepareAll()
        case ("everything", 1): print(try Everything(Parts(geo: nil), bodies, directory: words.removeFirst()).run(warmUp: 50))
        case ("stages", 1), ("stages", 3):
            guard let directory = words.popFirst(), words.popFirst() ?? "--geo" == "--geo" else { end() }
            print(try Measurement(bodies, directory: directory, geo: words.popFirst()).json())
        default: end()
        }
    }

    private static func end() -> Never {
        FileHandle.standardError.write(Data(usage.utf8))
        exit(64)
    }
}

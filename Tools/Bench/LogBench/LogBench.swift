import Foundation

/// The log without HTTP: `append` writes records the way requests do, `read` reads and decodes them. Prints one line of JSON.
@main
struct LogBench {
    static let usage = """
        usage: log-bench append DIRECTORY --topic NAME --records N --group G --tasks T --partitions P --durability fsync|os --slices K
               log-bench read DIRECTORY --topic NAME

        """

    static func main() async throws {
        var options: [String: String] = [:]
        var words = CommandLine.arguments.dropFirst()
        guard let command = words.popFirst(), let directory = words.popFirst() else { end() }
        while let name = words.popFirst() {
            guard name.hasPrefix("--"), let value = words.popFirst() else { end() }
            options[String(name.dropFirst(2))] = value
        }
        switch command {
        case "append": try await Appending(directory, options).run()
        case "read": try await Reading(directory, options).run()
        default: end()
        }
    }

    /// Wrong arguments.
    static func end() -> Never {
        FileHandle.standardError.write(Data(usage.utf8))
        exit(64)
    }

    /// User and system, of the whole process or of what `clock` counts.
    static func cpuSeconds(_ clock: clockid_t = CLOCK_PROCESS_CPUTIME_ID) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

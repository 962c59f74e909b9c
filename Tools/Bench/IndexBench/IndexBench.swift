import Consumption
import EventLog
import Foundation
import LogStorage
import Projections

/// What the index of users costs as it grows, and what a look-up takes then: on a log of events that is generated directly. Prints one line of
/// JSON.
@main
struct IndexBench {
    static let usage = """
        usage: index-bench FOLDER --events N --users N --partitions P --windows START,START,... --window N --heavy N

        """

    static func main() async throws {
        var options: [String: String] = [:]
        var words = CommandLine.arguments.dropFirst()
        guard let folder = words.popFirst() else { end() }
        while let name = words.popFirst() {
            guard name.hasPrefix("--"), let value = words.popFirst() else { end() }
            options[String(name.dropFirst(2))] = value
        }
        guard let eventCount = options["events"].flatMap({ Int($0) }), let userCount = options["users"].flatMap({ Int($0) }),
            let partitionCount = options["partitions"].flatMap({ Int($0) }), let window = options["window"].flatMap({ Int($0) }),
            let heavy = options["heavy"].flatMap({ Int($0) }),
            let starts = options["windows"]?.split(separator: ",").map({ Int($0) ?? 0 })
        else { end() }

        let topic = TopicDefinition(name: TopicName("okla.events.raw")!, partitionCount: partitionCount, keepsIdentities: false)
        var logOptions = LogOptions()
        logOptions.durability = .os
        let log = try EmbeddedLog.open(LogDirectory("\(folder)/log"), topics: [topic], options: logOptions)
        let users = ZipfUsers(count: userCount)
        let generated = try await Generating(log: log, topic: topic, users: users, eventCount: eventCount).run()

        let projections = "\(folder)/projections"
        let reading = try await Indexing(log: log, topic: topic, eventCount: eventCount).run(
            Looking(partitionCount: partitionCount))
        let index = UserIndex(folder: projections, topic: topic, hasher: log.identityHasher, onAnew: { _ in })
        let building = try await Indexing(log: log, topic: topic, eventCount: eventCount).run(index)
        let aliases = Aliases(folder: projections, topic: topic, hasher: log.identityHasher, onAnew: { _ in })
        _ = try await Indexing(log: log, topic: topic, eventCount: eventCount).run(aliases)

        let lookups = try Lookups(log: log, topic: topic, index: index, aliases: aliases, users: users)
        let median = try await lookups.measure(around: userCount / 2)
        let heavyRank = generated.rank(of: heavy)
        let heavies = try await lookups.measure(around: heavyRank)
        index.close()
        aliases.close()
        let indexBytes = try FileManager.default.attributesOfItem(atPath: "\(projections)/user-index.sqlite")[.size] as? Int ?? 0
        log.close()

        let windows = starts.map { start -> String in
            let events = start..<start + window
            let (with, without) = (building.cost(of: events), reading.cost(of: events))
            return "{\"start\":\(start),\"cpu_us\":\(with.cpu),\"us\":\(with.wall),\"reading_cpu_us\":\(without.cpu)}"
        }
        print(
            """
            {"events":\(eventCount),"users":\(userCount),"generated_per_s":\(generated.eventsPerSecond),"windows":[\(windows.joined(separator: ","))],\
            "rebuilt_per_s":\(building.eventsPerSecond),"read_per_s":\(reading.eventsPerSecond),"index_bytes":\(indexBytes),\
            "median":\(median),"heavy":\(heavies),"heavy_rank":\(heavyRank)}
            """)
    }

    /// Wrong arguments.
    static func end() -> Never {
        FileHandle.standardError.write(Data(usage.utf8))
        exit(64)
    }

    /// User and system time of this process.
    static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

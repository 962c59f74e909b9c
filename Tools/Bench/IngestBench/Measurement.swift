import Foundation
import Ingestion

/// One measurement of all there is. The stages and the whole pipeline take turns, body by body: a shared machine is not equally fast all
/// the time.
struct Measurement {
    /// Requests that are not counted.
    private static let warmUp = 50
    /// Of everything, of which the median counts: where others use the machine too, it is disturbed the most.
    private static let repetitions = 3

    private let bodies: Bodies
    private let directory: String
    private let parts: Parts

    init(_ bodies: Bodies, directory: String, geo: String?) throws {
        self.bodies = bodies
        self.directory = directory
        parts = try Parts(geo: geo)
    }

    func json() throws -> String {
        let warmUp = min(Self.warmUp, bodies.all.count / 2)
        var staged = Staged(parts)
        var whole = Whole(parts, bodies)
        var workspace = DecodeWorkspace()
        var recordBytes = 0
        for number in bodies.all.indices {
            if number == warmUp {
                staged.forget()
                whole.forget()
                recordBytes = 0
            }
            let bytes = try staged.run(parts.request(number), bodies.all[number], in: &workspace)
            let wholeBytes = try whole.run(number)
            recordBytes += bytes
            precondition(bytes == wholeBytes, "the stages made other records than the pipeline")
        }
        let events = Double(staged.eventCount)
        let agents = parts.userAgents.statistics
        let everything = try (0..<Self.repetitions).map { number in
            try Everything(parts, bodies, directory: "\(directory)-\(number)").run(warmUp: warmUp)
        }.sorted()[Self.repetitions / 2]
        let stages = Staged.Stage.allCases.map { "\"\($0)\":\(Self.rounded(staged.laps[$0] / events))" }
        return """
            {"events":\(Int(events)),"record_bytes":\(Self.rounded(Double(recordBytes) / events)),"stages_ns":{\(stages.joined(separator: ","))},"whole_ns":\(Self.rounded(whole.nanoseconds / events)),\
            "everything_ns":\(Self.rounded(everything / events)),"user_agent_lookups":\(agents.hits + agents.misses),\
            "user_agent_misses":\(agents.misses)}
            """
    }

    private static func rounded(_ number: Double) -> Double { (number * 10).rounded() / 10 }
}

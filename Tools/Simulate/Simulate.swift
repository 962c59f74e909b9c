import Foundation
import TestSupport

/// Runs the log simulation over many seeds, on all cores. Ends with code 1 at the first seed that fails, and says how to
/// replay it.
@main
struct Simulate {
    static func main() throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        func option(_ name: String) throws -> UInt64? {
            guard let place = arguments.firstIndex(of: name) else { return nil }
            guard place + 1 < arguments.count, let value = UInt64(arguments[place + 1]) else {
                throw Usage("\(name) needs a number")
            }
            arguments.removeSubrange(place...place + 1)
            return value
        }
        do {
            let count = try option("--seeds") ?? 10_000
            let first = try option("--first") ?? 1
            let single = try option("--seed")
            guard arguments.isEmpty else { throw Usage("unknown argument \(arguments[0])") }
            if let single { replay(single) } else { run(first...(first + max(count, 1) - 1)) }
        } catch let error as Usage {
            FileHandle.standardError.write(Data("\(error.text)\nusage: simulate [--seeds N] [--first N] | --seed N\n".utf8))
            exit(64)
        }
    }

    struct Usage: Error {
        let text: String

        init(_ text: String) { self.text = text }
    }

    private static func replay(_ seed: UInt64) {
        var simulation = LogSimulation(seed: seed, trace: { print($0) })
        do {
            _ = try simulation.run()
            print("seed \(seed) passed")
        } catch {
            print("seed \(seed) failed: \(error)")
            exit(1)
        }
    }

    private static func run(_ seeds: ClosedRange<UInt64>) {
        let started = Date()
        let lanes = ProcessInfo.processInfo.activeProcessorCount
        let total = Total()
        DispatchQueue.concurrentPerform(iterations: lanes) { lane in
            var seed = seeds.lowerBound + UInt64(lane)
            while seed <= seeds.upperBound, !total.hasFailed {
                var simulation = LogSimulation(seed: seed)
                do {
                    total.add(try simulation.run())
                } catch {
                    total.fail(seed, "\(error)")
                }
                seed += UInt64(lanes)
            }
        }
        let (summary, failure) = total.result
        if let failure {
            print("seed \(failure.seed) failed: \(failure.reason)\nreplay it: Tools/simulate --seed \(failure.seed)")
            exit(1)
        }
        if let missing = whatNeverHappened(summary, seedCount: seeds.count) {
            print("\(seeds.count) seeds from \(seeds.lowerBound) show nothing: there was no \(missing)")
            exit(1)
        }
        let seconds = Date().timeIntervalSince(started)
        print(
            "\(seeds.count) seeds from \(seeds.lowerBound) passed in \(Int(seconds.rounded())) s: \(summary.lives) lives, "
                + "\(summary.powerCuts) power cuts, \(summary.kills) kills, \(summary.failedCalls) failed calls, "
                + "\(summary.steps) steps, \(summary.acknowledged) records acknowledged, \(summary.holes) holes read")
    }

    /// A run that met no fault, or acknowledged nothing, keeps every promise. In fewer seeds that may be chance.
    private static func whatNeverHappened(_ summary: LogSimulation.Summary, seedCount: Int) -> String? {
        guard seedCount >= 1000 else { return nil }
        let counts = [
            ("acknowledged record", summary.acknowledged), ("power cut", summary.powerCuts), ("kill", summary.kills),
            ("failed call", summary.failedCalls),
        ]
        return counts.first { $0.1 == 0 }?.0
    }

    private final class Total: @unchecked Sendable {
        // Sendable: everything is behind the lock.
        private let lock = NSLock()
        private var summary = LogSimulation.Summary()
        private var failure: (seed: UInt64, reason: String)?

        var hasFailed: Bool { lock.withLock { failure != nil } }
        var result: (LogSimulation.Summary, (seed: UInt64, reason: String)?) { lock.withLock { (summary, failure) } }
        func add(_ other: LogSimulation.Summary) { lock.withLock { summary.add(other) } }
        func fail(_ seed: UInt64, _ reason: String) { lock.withLock { failure = failure ?? (seed, reason) } }
    }
}

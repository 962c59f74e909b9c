import Foundation

/// Processor time by stage. Reading the clock is a system call; what it costs is taken off each lap.
struct Laps<Stage: Hashable & CaseIterable & RawRepresentable> where Stage.RawValue == Int {
    private var sums = [Double](repeating: 0, count: Stage.allCases.count)
    private var mark = 0.0
    private let clockCost: Double

    init() {
        clockCost = (0..<1000).map { _ in
            let start = CPUTime.thread()
            return CPUTime.thread() - start
        }.min()!
    }

    mutating func begin() { mark = CPUTime.thread() }

    /// What passed since the last call was this stage's.
    mutating func end(_ stage: Stage) {
        let now = CPUTime.thread()
        sums[stage.rawValue] += now - mark - clockCost
        mark = now
    }

    mutating func forget() { sums = sums.map { _ in 0 } }

    subscript(stage: Stage) -> Double { sums[stage.rawValue] }
}

/// User and system, in nanoseconds.
enum CPUTime {
    static func thread() -> Double { read(CLOCK_THREAD_CPUTIME_ID) }
    static func process() -> Double { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}

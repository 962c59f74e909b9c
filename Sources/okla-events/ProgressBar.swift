internal import Glibc

/// A bar on standard error, drawn only where that is a terminal, and at most ten times a second.
struct ProgressBar {
    private let label: String
    private let total: Int
    private let unit: String
    private let isShown = isTerminal(STDERR_FILENO)
    private let started = ContinuousClock.now
    private var lastDrawn: ContinuousClock.Instant?
    private var done: Int
    /// What was done when it was begun.
    private let doneBefore: Int

    init(label: String, total: Int, unit: String, done: Int = 0) {
        self.label = label
        self.total = total
        self.unit = unit
        self.done = done
        doneBefore = done
    }

    mutating func advance(by count: Int) {
        done += count
        guard isShown else { return }
        let now = ContinuousClock.now
        if let lastDrawn, now - lastDrawn < .milliseconds(100), done < total { return }
        lastDrawn = now
        draw(at: now)
    }

    /// Removes the bar.
    func finish() {
        if isShown { standardError("\r\u{1B}[K") }
    }

    private func draw(at now: ContinuousClock.Instant) {
        let fraction = total == 0 ? 1 : min(1, Double(done) / Double(total))
        let width = 30
        let filled = Int(fraction * Double(width))
        let elapsed = now - started
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        var left = ""
        if done > doneBefore && done < total {
            left = ", \(Int(seconds * Double(total - done) / Double(done - doneBefore) + 0.5)) s left"
        }
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        standardError("\r\u{1B}[K\(label) [\(bar)] \(Int(fraction * 100)) % \(done)/\(total) \(unit)\(left)")
    }
}

internal import Synchronization

/// The bytes that all connections together may hold. Who gets none now is told when there are some again.
package final class MemoryBudget: Sendable {
    private struct State {
        var used = 0
        var waiting: [(byteCount: Int, onGranted: @Sendable () -> Void)] = []
    }

    private let state = Mutex(State())
    package let byteCountMax: Int

    package init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    package var used: Int { state.withLock { $0.used } }

    /// True: they are taken. False: they are taken when `onGranted` is called, on any thread; those who wait for longest come first.
    package func take(_ byteCount: Int, onGranted: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if state.waiting.isEmpty, Self.fits(byteCount, state.used, byteCountMax) {
                state.used += byteCount
                return true
            }
            state.waiting.append((byteCount, onGranted))
            return false
        }
    }

    /// Takes as many as there are, `byteCount` at most; what is needed in any case is taken in any case.
    package func takeUpTo(_ byteCount: Int, atLeast needed: Int) -> Int {
        state.withLock { state in
            let taken = max(min(byteCount, byteCountMax - state.used), needed)
            state.used += taken
            return taken
        }
    }

    package func give(_ byteCount: Int) {
        let granted = state.withLock { state in
            state.used -= byteCount
            var granted: [@Sendable () -> Void] = []
            while let next = state.waiting.first, Self.fits(next.byteCount, state.used, byteCountMax) {
                state.used += next.byteCount
                granted.append(next.onGranted)
                state.waiting.removeFirst()
            }
            return granted
        }
        for onGranted in granted { onGranted() }
    }

    /// One that is larger than all is taken when it is alone.
    private static func fits(_ byteCount: Int, _ used: Int, _ byteCountMax: Int) -> Bool {
        used == 0 || used + byteCount <= byteCountMax
    }
}

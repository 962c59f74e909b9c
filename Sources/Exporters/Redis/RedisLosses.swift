internal import Synchronization

/// Commands that Redis refused within transactions that it did: it does not undo the rest, and waiting would not help. So what such a command
/// was to count is lost, which only a key of another type than it must be can bring about.
final class RedisLosses: Sendable {
    private let warn: @Sendable (String) -> Void
    private let state = Mutex<Int64>(0)
    private let hasWarnedOfEviction = Mutex(false)

    init(warn: @escaping @Sendable (String) -> Void) { self.warn = warn }

    var count: Int64 { state.withLock { $0 } }

    /// Once.
    func warnOfEviction() {
        let isNew = hasWarnedOfEviction.withLock { warned in
            defer { warned = true }
            return !warned
        }
        guard isNew else { return }
        warn(
            "Redis may remove any key when its memory is full (maxmemory-policy allkeys-…): without okla:positions it would count today's events "
                + "again; set noeviction or volatile-…")
    }

    func add(_ error: String, of key: String) {
        let count = state.withLock { count in
            count += 1
            return count
        }
        // It stays so for every event that comes: told at the first, and then ever less often.
        guard count.nonzeroBitCount == 1 else { return }
        warn(
            "Redis could not change \(key): \(error); what was to be counted there is lost, of all keys \(count) times so far; rename or "
                + "remove that key, which somebody else has made")
    }
}

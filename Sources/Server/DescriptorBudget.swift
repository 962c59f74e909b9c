package import Foundation
internal import Synchronization

/// How many connections may be open so that the log always finds descriptors for its next segments. How many the log has
/// grows while the service runs, so everything that is no connection is counted again now and then.
package final class DescriptorBudget: Sendable {
    /// Beside those of the partitions; the journal has a dozen files at most.
    private static let reservedAlways = 64
    /// So many must be left for connections where more partitions are made.
    private static let connectionsMin = 64
    /// A partition opens its next segment and writes its indexes while the last segment is still open.
    private static let reservedForPartition = 4
    /// Far above what the log opens. Counting thousands takes milliseconds, so a count holds until this could have used up
    /// what it found free, and for a second at least: that much is within the reserve.
    private static let openedInASecondMax = 100

    /// The process's limit of open files.
    let limit: Int
    private let reserved: Atomic<Int>
    /// What is no connection, as far as it is known at the start.
    private let othersMin: Int
    private let countOpen: @Sendable () -> Int
    private let now: @Sendable () -> TimeInterval
    private let last: Mutex<(others: Int, time: TimeInterval)?> = Mutex(nil)

    /// `limit` is the process's limit of open files; `segmentCount` how many segments there are, which the log opens while
    /// connections are already accepted; `otherCount` what else will be opened then; `now` is in seconds.
    package init(
        limit: Int, partitionCount: Int, segmentCount: Int, otherCount: Int,
        countOpen: @escaping @Sendable () -> Int = DescriptorBudget.countOpenDescriptors,
        now: @escaping @Sendable () -> TimeInterval = { ProcessInfo.processInfo.systemUptime }
    ) {
        self.limit = limit
        reserved = Atomic(Self.reservedAlways + Self.reservedForPartition * partitionCount)
        othersMin = countOpen() + max(segmentCount, partitionCount) + otherCount
        self.countOpen = countOpen
        self.now = now
    }

    package func connectionsMax(open: Int) -> Int {
        let others = last.withLock { last in
            let time = now()
            if let last {
                let free = limit - reserved.load(ordering: .relaxed) - last.others - open
                if time - last.time < max(1, Double(free / Self.openedInASecondMax)) { return last.others }
            }
            let others = max(othersMin, countOpen() - open)
            last = (others, time)
            return others
        }
        return limit - reserved.load(ordering: .relaxed) - others
    }

    /// Keeps descriptors for partitions that are about to be made. False: that would leave too few for connections, and none are kept.
    package func reserve(partitions count: Int) -> Bool {
        // Beside those that are kept, each has its segment open.
        let free = limit - reserved.load(ordering: .relaxed) - countOpen()
        guard free - (Self.reservedForPartition + 1) * count >= Self.connectionsMin else { return false }
        reserved.wrappingAdd(Self.reservedForPartition * count, ordering: .relaxed)
        return true
    }

    /// They were not made.
    package func release(partitions count: Int) {
        reserved.wrappingSubtract(Self.reservedForPartition * count, ordering: .relaxed)
    }

    /// The segments below a folder.
    package static func countSegments(_ folder: String) -> Int {
        guard let files = FileManager.default.enumerator(atPath: folder) else { return 0 }
        return files.reduce(0) { count, file in count + ((file as? String)?.hasSuffix(".log") == true ? 1 : 0) }
    }

    package static let countOpenDescriptors: @Sendable () -> Int = {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // The entries "." and "..", and the descriptor of the folder itself.
        return count - 3
    }
}

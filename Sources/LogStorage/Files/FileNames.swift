/// The names under `<data-dir>/log`, which are Kafka's.
package enum FileNames {
    package static let logSuffix = ".log"
    package static let indexSuffix = ".index"
    package static let timeIndexSuffix = ".timeindex"
    package static let identitiesSuffix = ".ids"
    package static let temporarySuffix = ".tmp"
    /// What recovery cut off behind the last whole batch: `<base offset>.torn-<position>`.
    package static let tornInfix = ".torn-"
    /// What damage was set aside: `<base offset>.damaged-<position>`.
    package static let damagedInfix = ".damaged-"
    package static let recoveryPoints = "recovery-point-offset-checkpoint"
    package static let startOffsets = "log-start-offset-checkpoint"
    package static let leaderEpochs = "leader-epoch-checkpoint"
    package static let meta = "meta.properties"
    package static let lock = ".lock"

    /// The caches that stand beside a segment and can be rebuilt from it.
    package static let cacheSuffixes = [indexSuffix, timeIndexSuffix, identitiesSuffix]

    /// `%020d`, as Kafka names segments by their base offset.
    package static func segment(_ baseOffset: Int64, _ suffix: String) -> String {
        let digits = String(baseOffset)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits + suffix
    }

    /// The base offset in a segment file's name; nil where the name is not one.
    package static func baseOffset(of name: String, suffix: String) -> Int64? {
        guard name.hasSuffix(suffix) else { return nil }
        let digits = name.dropLast(suffix.count)
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits).flatMap { $0 <= offsetMax ? $0 : nil }
    }

    /// The most offsets that one segment spans: Kafka's indexes count them in 32 bits.
    static let segmentOffsetsMax = Int64(Int32.max)
    /// Above this no segment begins: who remembers offsets keeps 48 bits of them.
    static let offsetMax = Int64(1) << 48 - 1 - segmentOffsetsMax

    package static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// What a partition is known to have lost, for those who ask for its state.
package struct KnownDamage: Sendable, Equatable {
    /// Regions remembered one by one; more are only counted.
    package static let regionsMax = 100

    package struct Item: Sendable, Equatable {
        package let segmentBase: Int64
        package let region: DamagedRegion
        /// Where the damaged bytes were set aside; nil where they stand in the segment still, or were zeros.
        package let keptAt: String?
    }

    package private(set) var items: [Item] = []
    package private(set) var lostOffsets: Int64 = 0
    private var known: Set<Int64> = []

    package init() {}

    package var isEmpty: Bool { known.isEmpty }
    package var count: Int { known.count }

    /// Notes a region; false where it is known already.
    mutating func note(_ region: DamagedRegion, segmentBase: Int64, keptAt: String?) -> Bool {
        guard known.count < Self.knownMax, known.insert(region.offsets.lowerBound).inserted else { return false }
        lostOffsets += Int64(region.lostOffsets.count)
        if items.count < Self.regionsMax {
            items.append(Item(segmentBase: segmentBase, region: region, keptAt: keptAt))
        }
        return true
    }

    private static let knownMax = 100_000
}

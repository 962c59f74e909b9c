/// Walks all of a search tree, each node once, and checks the data that its records lead to.
///
/// A node may be reached by several ways: databases lead `::ffff:0:0/96` and 6to4's addresses to the nodes of IPv4. By none may
/// it lie deeper than an address has bits, and none may lead back to it.
struct MaxMindTreeCheck: ~Copyable {
    private let layout: MaxMindLayout
    private var data: MaxMindDataCheck
    /// Of each node how many nodes the longest way down from it has, itself included: 1 to 128.
    private var heights: [UInt8]

    private static let notReached: UInt8 = 0
    private static let underWay: UInt8 = 255

    init(_ layout: MaxMindLayout, valuesMax: Int) {
        self.layout = layout
        data = MaxMindDataCheck(layout.data, valuesMax: valuesMax, remembers: true)
        heights = Array(repeating: Self.notReached, count: layout.nodeCount)
    }

    mutating func run() throws(EnrichmentError) {
        /// The nodes from the root to the one that is looked at, and how many records of each were followed.
        var way: [(node: Int, followed: Int)] = []
        heights[0] = Self.underWay
        way.append((0, 0))
        while let (node, followed) = way.last {
            guard followed < 2 else {
                heights[node] = 1 + max(height(below: node, side: 0), height(below: node, side: 1))
                way.removeLast()
                continue
            }
            way[way.count - 1].followed += 1
            let record = layout.record(of: node, side: followed)
            if record < layout.nodeCount {
                guard try isToBeWalked(record, depth: way.count) else { continue }
                heights[record] = Self.underWay
                way.append((record, 0))
            } else if record > layout.nodeCount {
                do {
                    try data.checkTarget(at: layout.dataOffset(of: record))
                } catch {
                    throw EnrichmentError("the data of node \(node) is damaged: \(error)")
                }
            }
        }
    }

    /// Whether `node` is met for the first time, at `depth`.
    private func isToBeWalked(_ node: Int, depth: Int) throws(EnrichmentError) -> Bool {
        let height = heights[node]
        guard height != Self.underWay else { throw EnrichmentError("the search tree leads back to its node \(node)") }
        // At least the node itself is below `depth`.
        guard depth + max(Int(height), 1) <= layout.addressBits else {
            throw EnrichmentError("node \(node) of the search tree lies deeper than an address has bits")
        }
        return height == Self.notReached
    }

    private func height(below node: Int, side: Int) -> UInt8 {
        let record = layout.record(of: node, side: side)
        return record < layout.nodeCount ? heights[record] : 0
    }
}

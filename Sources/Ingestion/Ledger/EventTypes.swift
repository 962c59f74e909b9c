internal import EventModel

/// The numbers of the event names that the ledger counts by themselves. Never changed once it is made; when a name comes that it does
/// not have, the ledger makes the next one.
package final class EventTypes: Sendable {
    private let names: NameIndex
    private let count: Int

    init(_ counts: LedgerCounts) {
        names = NameIndex(counts.typeNames)
        count = counts.typeNames.count
    }

    /// nil for a name that may still be added; where there is no room, it is `LedgerCounts.otherType`.
    func number(of name: UnsafeRawBufferPointer, isOfCatalogue: @autoclosure () -> Bool) -> Int? {
        if let known = names.number(of: name) { return known }
        if count < LedgerCounts.typesMadeUpMax { return nil }
        return count < LedgerCounts.typesMax && isOfCatalogue() ? nil : 0
    }
}

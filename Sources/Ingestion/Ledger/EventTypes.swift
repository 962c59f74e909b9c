internal import EventModel

/// The numbers of the event names that the ledger counts by themselves. Never changed once it is made; when a name comes that it does
/// not have, the ledger makes the next one.
package final class EventTypes: Sendable {
    private let names: NameIndex
    /// Whether no more are added: any other name is `LedgerCounts.otherType`.
    let isFull: Bool

    init(_ counts: LedgerCounts) {
        names = NameIndex(counts.typeNames)
        isFull = counts.typeNames.count >= LedgerCounts.typesMadeUpMax
    }

    /// nil for a name that may still be added.
    func number(of name: UnsafeRawBufferPointer) -> Int? { names.number(of: name) ?? (isFull ? 0 : nil) }
}

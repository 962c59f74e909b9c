internal import Synchronization

/// The catalogue that counts at the moment. It can be replaced while events are checked; each request takes it once.
public final class CurrentCatalogue: Sendable {
    private let catalogue: Mutex<Catalogue>

    public init(_ catalogue: Catalogue) { self.catalogue = Mutex(catalogue) }

    public var value: Catalogue { catalogue.withLock { $0 } }

    public func replace(with next: Catalogue) { catalogue.withLock { $0 = next } }
}

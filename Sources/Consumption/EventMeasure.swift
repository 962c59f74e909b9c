package import EventModel

/// What an event adds one to, of the figures that are told by day: what is looked at, searched for and asked for.
///
/// Names are those that a client sent. What is empty, or longer than `nameMax` bytes, is no name that a figure is kept under.
package enum EventMeasure {
    case view(vehicle: String)
    case search
    /// A name inside the `filters` of a search.
    case filter(name: String)
    case lead
    case leadOfVehicle(String)
    case leadOfDealer(String)

    /// Bytes of a name.
    package static let nameMax = 512

    /// Whether an event of this name can measure anything; what it holds need not be read otherwise.
    package static func isMeasured(_ name: UnsafeRawBufferPointer) -> Bool { kind(name) != nil }

    /// Calls `body` with everything that an event measures. A name that none can be kept under is given as the empty one.
    package static func forEach(
        of event: JSONValue, named name: UnsafeRawBufferPointer, _ body: (EventMeasure) -> Void
    ) {
        guard let kind = kind(name) else { return }
        let properties = event.member("properties")
        func id(_ name: StaticString) -> String? { properties?.member(name)?.string.map(bounded) }
        switch kind {
        case .view: if let vehicle = id("vehicleId") { body(.view(vehicle: vehicle)) }
        case .search:
            body(.search)
            guard let filters = properties?.member("filters") else { return }
            for (name, _) in filters.members { if let name = name.string { body(.filter(name: bounded(name))) } }
        case .lead:
            body(.lead)
            if let vehicle = id("vehicleId") { body(.leadOfVehicle(vehicle)) }
            if let dealer = id("dealerId") { body(.leadOfDealer(dealer)) }
        }
    }

    /// The name, or the empty one where it is too long.
    package static func bounded(_ name: String) -> String { name.utf8.count > nameMax ? "" : name }

    private enum Kind { case view, search, lead }

    private static func kind(_ name: UnsafeRawBufferPointer) -> Kind? {
        if name.isText("vehicle_view") { return .view }
        if name.isText("search") { return .search }
        if name.isText("lead_form_submit") { return .lead }
        return nil
    }
}

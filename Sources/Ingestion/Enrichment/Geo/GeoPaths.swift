/// Where in a record the parts of an answer stand.
struct GeoPaths {
    let country = GeoPath(["country", "iso_code"])
    let registeredCountry = GeoPath(["registered_country", "iso_code"])
    let regionName = GeoPath(["subdivisions", "0", "names", "en"])
    let regionCode = GeoPath(["subdivisions", "0", "iso_code"])
    let cityNames: [GeoPath]
    let latitude = GeoPath(["location", "latitude"])
    let longitude = GeoPath(["location", "longitude"])
    let timezone = GeoPath(["location", "time_zone"])

    /// - Parameter languages: in which a city's name is looked for where there is no English one.
    init(languages: [String]) { cityNames = (["en"] + languages).map { GeoPath(["city", "names", $0]) } }
}

/// Names of members and places in arrays, one within the other, as libmaxminddb takes them: an array of C strings with nil at its
/// end, which is made once and not for every lookup.
final class GeoPath {
    let names: UnsafePointer<UnsafePointer<CChar>?>
    private let memory: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>

    init(_ names: [String]) {
        memory = .allocate(capacity: names.count + 1)
        memory.initialize(repeating: nil)
        for (place, name) in names.enumerated() {
            let text = UnsafeMutableBufferPointer<CChar>.allocate(capacity: name.utf8.count + 1)
            _ = text.initialize(from: name.utf8.map { CChar(bitPattern: $0) } + [0])
            memory[place] = UnsafePointer(text.baseAddress!)
        }
        self.names = UnsafePointer(memory.baseAddress!)
    }

    deinit {
        for name in memory { name?.deallocate() }
        memory.deallocate()
    }
}

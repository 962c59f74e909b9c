internal import CMaxMindDB
internal import Glibc
package import RecordFormat

extension GeoDatabase {
    /// Appends the JSON object of `context.geo` with what is known of `address`, in this order:
    ///
    ///     {"country":"DO","region":"Distrito Nacional","city":"Santo Domingo","latitude":18.4861,"longitude":-69.9312,
    ///      "timezone":"America/Santo_Domingo"}
    ///
    /// `country` is an ISO 3166-1 code; `region` the first subdivision's English name, or its code. Members that are not known
    /// are left out, and so are texts that are empty, not UTF-8 or longer than `textBytesMax`, and places that are not on the
    /// globe.
    ///
    /// - Returns: false, and nothing appended, where nothing is known.
    package func append(geoOf address: IPAddress, to target: inout GrowableBytes) -> Bool {
        guard var entry = entry(of: address) else { return false }
        let object = GeoObject(start: target.count)
        if let country = text(&entry, paths.country) ?? text(&entry, paths.registeredCountry) {
            object.append("country", country, to: &target)
        }
        if let region = text(&entry, paths.regionName) ?? text(&entry, paths.regionCode) {
            object.append("region", region, to: &target)
        }
        if let city = city(&entry) { object.append("city", city, to: &target) }
        // One without the other is no place.
        if let latitude = number(&entry, paths.latitude, within: 90), let longitude = number(&entry, paths.longitude, within: 180)
        {
            object.append("latitude", number: latitude, to: &target)
            object.append("longitude", number: longitude, to: &target)
        }
        if let timezone = text(&entry, paths.timezone) { object.append("timezone", timezone, to: &target) }
        return object.end(&target)
    }

    private func entry(of address: IPAddress) -> MMDB_entry_s? {
        var status: Int32 = 0
        let result: MMDB_lookup_result_s
        if let ipv4 = address.ipv4 {
            var socket = sockaddr_in()
            socket.sin_family = sa_family_t(AF_INET)
            socket.sin_addr.s_addr = ipv4.bigEndian
            result = withUnsafePointer(to: socket) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { MMDB_lookup_sockaddr(handle, $0, &status) }
            }
        } else {
            var socket = sockaddr_in6()
            socket.sin6_family = sa_family_t(AF_INET6)
            withUnsafeMutableBytes(of: &socket.sin6_addr) { $0.storeBytes(of: address.bits.bigEndian, as: UInt128.self) }
            result = withUnsafePointer(to: socket) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { MMDB_lookup_sockaddr(handle, $0, &status) }
            }
        }
        return status == MMDB_SUCCESS && result.found_entry ? result.entry : nil
    }

    /// The value that `path` leads to; nil where there is none.
    private func value(_ entry: inout MMDB_entry_s, _ path: GeoPath) -> MMDB_entry_data_s? {
        var value = MMDB_entry_data_s()
        guard MMDB_aget_value(&entry, &value, path.names) == MMDB_SUCCESS, value.has_data else { return nil }
        return value
    }

    private func text(_ entry: inout MMDB_entry_s, _ path: GeoPath) -> UnsafeRawBufferPointer? {
        guard let value = value(&entry, path), value.type == MMDB_DATA_TYPE_UTF8_STRING,
            (1...Self.textBytesMax).contains(Int(value.data_size)), let start = value.utf8_string
        else { return nil }
        let text = UnsafeRawBufferPointer(start: start, count: Int(value.data_size))
        return text.isUTF8 ? text : nil
    }

    /// The city's name in English, or else in the first of the other languages that has one.
    private func city(_ entry: inout MMDB_entry_s) -> UnsafeRawBufferPointer? {
        for path in paths.cityNames {
            if let name = text(&entry, path) { return name }
        }
        return nil
    }

    /// A number from `-limit` to `limit`, as text.
    private func number(_ entry: inout MMDB_entry_s, _ path: GeoPath, within limit: Double) -> String? {
        guard let value = value(&entry, path) else { return nil }
        // A float is written with a float's digits: 18.4, and not 18.399999618530273.
        switch Int32(value.type) {
        case MMDB_DATA_TYPE_DOUBLE where abs(value.double_value) <= limit: return value.double_value.description
        case MMDB_DATA_TYPE_FLOAT where abs(value.float_value) <= Float(limit): return value.float_value.description
        default: return nil
        }
    }
}

/// An object that is begun with its first member.
private struct GeoObject {
    let start: Int

    private func begin(_ name: StaticString, _ target: inout GrowableBytes) {
        target.append(target.count == start ? "{\"" : ",\"")
        target.append(name)
        target.append("\":")
    }

    func append(_ name: StaticString, _ text: UnsafeRawBufferPointer, to target: inout GrowableBytes) {
        begin(name, &target)
        JSONWriter.append(utf8: text, to: &target)
    }

    func append(_ name: StaticString, number: String, to target: inout GrowableBytes) {
        begin(name, &target)
        target.append(utf8: number)
    }

    /// Whether there was a member.
    func end(_ target: inout GrowableBytes) -> Bool {
        guard target.count > start else { return false }
        target.append("}")
        return true
    }
}

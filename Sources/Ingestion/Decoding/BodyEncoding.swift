/// How a body arrives (`Content-Encoding`).
package enum BodyEncoding: Sendable, Equatable {
    case identity, gzip, deflate

    /// Reads the header's value; nil for an encoding that is not supported. No header means `identity`.
    package init?(header: String?) {
        switch header?.lowercased() {
        case nil, "", "identity": self = .identity
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        default: return nil
        }
    }
}

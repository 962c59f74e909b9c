/// What user agents and the rules for them may take.
package enum UserAgentLimits {
    /// Of a longer user agent only this much counts. Browsers send 100 to 300 bytes, with what apps add up to 600; a search takes time
    /// and memory for each byte.
    package static let userAgentBytesMax = 1024

    /// uap-core's file has 204 KB and 1,162 rules.
    package static let rulesFileBytesMax = 4 << 20
    /// Rules of one of the file's three lists.
    package static let rulesMax = 10_000
    /// Bytes of one scalar of the file; the longest pattern of uap-core has 2,454.
    package static let scalarBytesMax = 64 << 10
}

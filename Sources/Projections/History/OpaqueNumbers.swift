internal import Foundation

/// Numbers as a text that whoever gets it only gives back: LEB128, in Base64 for URLs (RFC 4648, section 5) without padding.
package enum OpaqueNumbers {
    /// - Parameter numbers: none is negative.
    package static func text(_ numbers: [Int64]) -> String {
        var bytes: [UInt8] = []
        for number in numbers { LEB128.append(UInt64(number), to: &bytes) }
        return Data(bytes).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_").replacingOccurrences(
                of: "=", with: "")
    }

    /// nil for what is no such text.
    package static func numbers(_ text: String) -> [Int64]? {
        let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: plain + padding) else { return nil }
        var numbers: [Int64] = []
        return bytes.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count {
                guard let number = LEB128.read(bytes, &position) else { return nil }
                numbers.append(Int64(number))
            }
            return numbers
        }
    }
}

internal import Foundation

/// Numbers as a text that whoever gets it only gives back: LEB128, in Base64 for URLs.
package enum OpaqueNumbers {
    /// - Parameter numbers: none is negative.
    package static func text(_ numbers: [Int64]) -> String {
        var bytes: [UInt8] = []
        for number in numbers { LEB128.append(UInt64(number), to: &bytes) }
        return Base64URL.text(Data(bytes))
    }

    /// nil for what is no such text.
    package static func numbers(_ text: String) -> [Int64]? {
        guard let bytes = Base64URL.bytes(text) else { return nil }
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

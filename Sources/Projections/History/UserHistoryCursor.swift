internal import Foundation

/// A place in a user's history, between two records: those behind it are on the next page.
package struct UserHistoryCursor: Sendable, Equatable {
    private static let version: Int64 = 1

    /// The record before it: received when, in milliseconds since 1970, and where it stands.
    package let time: Int64
    package let partition: Int
    package let offset: Int64
    /// What the first page was made of; so are the pages behind it, whatever has come since.
    package let cut: LogCut

    package init(time: Int64, partition: Int, offset: Int64, cut: LogCut) {
        self.time = time
        self.partition = partition
        self.offset = offset
        self.cut = cut
    }

    /// As an answer has it: the version, the record's place and the ends of the cut as LEB128, all in Base64 for URLs (RFC 4648, section 5).
    package var text: String {
        var bytes: [UInt8] = []
        for number in [Self.version, max(0, time), Int64(partition), offset] + cut.ends {
            LEB128.append(UInt64(number), to: &bytes)
        }
        return Data(bytes).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_").replacingOccurrences(
                of: "=", with: "")
    }

    /// nil for what is no cursor of a log with so many partitions.
    package init?(_ text: String, partitionCount: Int) {
        let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        let padding = String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        guard let bytes = Data(base64Encoded: plain + padding) else { return nil }
        var numbers: [Int64] = []
        let isWhole = bytes.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count {
                guard let number = LEB128.read(bytes, &position) else { return false }
                numbers.append(Int64(number))
            }
            return true
        }
        guard isWhole, numbers.count == 4 + partitionCount, numbers[0] == Self.version, numbers[2] < partitionCount
        else { return nil }
        self.init(time: numbers[1], partition: Int(numbers[2]), offset: numbers[3], cut: LogCut(ends: Array(numbers[4...])))
    }
}

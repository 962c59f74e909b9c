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

    /// As an answer has it: the version, the record's place and the ends of the cut.
    package var text: String {
        OpaqueNumbers.text([Self.version, max(0, time), Int64(partition), offset] + cut.ends)
    }

    /// nil for what is no cursor of a log with so many partitions.
    package init?(_ text: String, partitionCount: Int) {
        guard let numbers = OpaqueNumbers.numbers(text), numbers.count == 4 + partitionCount, numbers[0] == Self.version,
            numbers[2] < partitionCount
        else { return nil }
        self.init(time: numbers[1], partition: Int(numbers[2]), offset: numbers[3], cut: LogCut(ends: Array(numbers[4...])))
    }
}

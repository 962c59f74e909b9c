internal import Glibc

/// How many different ones there were among many: exactly up to 256, beyond that by HyperLogLog (Flajolet and others, 2007) with 4096
/// registers, whose standard error is 1.04/√4096, 1.6 %. The order in which they come changes nothing, nor does coming twice.
package struct UniqueSketch: Sendable, Equatable {
    package static let exactMax = 256
    /// Of an estimate, as a part of it.
    package static let standardError = 0.01625

    private static let indexBits = 12
    private static let registerCount = 1 << indexBits

    private enum Content: Equatable {
        case exact(Set<UInt64>)
        case registers([UInt8])
    }

    private var content = Content.exact([])

    package init() {}

    package var isEstimate: Bool { if case .registers = content { true } else { false } }

    package var count: Int {
        switch content {
        case .exact(let hashes): hashes.count
        case .registers(let registers): Self.estimate(registers)
        }
    }

    /// - Parameter hash: of whatever is counted, evenly distributed.
    package mutating func insert(_ hash: UInt64) {
        switch content {
        case .exact(var hashes):
            content = .exact([])
            hashes.insert(hash)
            content = hashes.count > Self.exactMax ? .registers(Self.registers(of: hashes)) : .exact(hashes)
        case .registers(var registers):
            content = .exact([])
            Self.insert(hash, &registers)
            content = .registers(registers)
        }
    }

    package mutating func merge(_ other: UniqueSketch) {
        switch other.content {
        case .exact(let hashes): for hash in hashes { insert(hash) }
        case .registers(let theirs):
            var ours: [UInt8]
            switch content {
            case .exact(let hashes): ours = Self.registers(of: hashes)
            case .registers(let registers): ours = registers
            }
            for (place, value) in theirs.enumerated() { ours[place] = max(ours[place], value) }
            content = .registers(ours)
        }
    }

    private static func registers(of hashes: Set<UInt64>) -> [UInt8] {
        var registers = Array(repeating: UInt8(0), count: registerCount)
        for hash in hashes { insert(hash, &registers) }
        return registers
    }

    private static func insert(_ hash: UInt64, _ registers: inout [UInt8]) {
        let place = Int(hash >> UInt64(64 - indexBits))
        let rest = hash << UInt64(indexBits)
        let rank = UInt8(min(rest.leadingZeroBitCount, 64 - indexBits) + 1)
        if registers[place] < rank { registers[place] = rank }
    }

    /// Ertl's improved raw estimator (2017, algorithm 6): of the same error for few and for many, without tables.
    private static func estimate(_ registers: [UInt8]) -> Int {
        let rankMax = 64 - indexBits + 1
        var counts = Array(repeating: 0.0, count: rankMax + 1)
        for register in registers { counts[Int(min(register, UInt8(rankMax)))] += 1 }
        let registerCount = Double(registerCount)
        var sum = registerCount * tau(1 - counts[rankMax] / registerCount)
        for rank in (1..<rankMax).reversed() { sum = (sum + counts[rank]) / 2 }
        sum += registerCount * sigma(counts[0] / registerCount)
        return Int((registerCount * registerCount / (2 * log(2) * sum)).rounded())
    }

    /// Of the part of registers that are empty: x + x² + 2x⁴ + 4x⁸ + …
    private static func sigma(_ part: Double) -> Double {
        if part == 1 { return .infinity }
        var (power, factor, sum) = (part, 1.0, part)
        while true {
            power *= power
            let next = sum + power * factor
            if next == sum { return sum }
            (factor, sum) = (2 * factor, next)
        }
    }

    /// Of the part of registers that are not at their end.
    private static func tau(_ part: Double) -> Double {
        if part == 0 || part == 1 { return 0 }
        var (root, factor, sum) = (part, 1.0, 1 - part)
        while true {
            root = root.squareRoot()
            factor /= 2
            let next = sum - (1 - root) * (1 - root) * factor
            if next == sum { return sum / 3 }
            sum = next
        }
    }

    // MARK: As bytes

    /// The hashes in their order, eight bytes each, little-endian; or the registers, one byte each, behind a byte that says so.
    package var bytes: [UInt8] {
        switch content {
        case .exact(let hashes):
            [0] + hashes.sorted().flatMap { hash in (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * $0)) } }
        case .registers(let registers): [1] + registers
        }
    }

    /// nil for bytes that are no sketch.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard let kind = bytes.first else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[1...])
        switch kind {
        case 0:
            guard rest.count % 8 == 0, rest.count / 8 <= Self.exactMax else { return nil }
            content = .exact(
                Set(
                    (0..<rest.count / 8).map { UInt64(littleEndian: rest.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)) }
                ))
        case 1:
            guard rest.count == Self.registerCount else { return nil }
            content = .registers(Array(rest))
        default: return nil
        }
    }
}

/// A number of a JSON text, exact as far as the parser kept it: `1` and `1.0` are the same.
public enum JSONNumber: Equatable, Sendable {
    case whole(Int128)
    /// With a fraction, or beyond every whole number that is told apart here.
    case real(Double)

    /// A double below this in magnitude fits into 128 bits.
    private static let wholeMax = 0x1p100

    init(_ double: Double) {
        self = double == double.rounded(.towardZero) && abs(double) < Self.wholeMax ? .whole(Int128(double)) : .real(double)
    }

    var double: Double {
        switch self {
        case .whole(let value): Double(value)
        case .real(let value): value
        }
    }

    /// A real number lies between two whole ones below 2^53, or beyond 2^100, so rounding the whole one does not change the order.
    public static func < (a: JSONNumber, b: JSONNumber) -> Bool {
        switch (a, b) {
        case (.whole(let a), .whole(let b)): a < b
        default: a.double < b.double
        }
    }
}

extension JSONValue {
    /// nil for what is no number.
    var exactNumber: JSONNumber? {
        switch kind {
        case .integer: .whole(Int128(Int64(bitPattern: view.tape[payload])))
        case .unsignedInteger: .whole(Int128(view.tape[payload]))
        case .double: JSONNumber(Double(bitPattern: view.tape[payload]))
        default: nil
        }
    }

    /// A double without a fraction, which JSON Schema counts as an integer.
    var isWholeDouble: Bool {
        guard kind == .double else { return false }
        let value = Double(bitPattern: view.tape[payload])
        return value == value.rounded(.towardZero)
    }
}

/// A number as its text says it: `mantissa` times ten to the power of `exponent`. The sign is left out.
struct JSONDecimal: Equatable, Sendable {
    private static let digitsMax = 38
    /// Beyond every double.
    private static let exponentMax = 100_000

    let mantissa: UInt128
    let exponent: Int

    /// nil where the text has more digits than are kept.
    init?(_ text: UnsafeRawBufferPointer) {
        var (mantissa, exponent, digits): (UInt128, Int, Int) = (0, 0, 0)
        var isFraction = false
        var place = text.first == UInt8(ascii: "-") ? 1 : 0
        while place < text.count, text[place] | 0x20 != UInt8(ascii: "e") {
            if text[place] == UInt8(ascii: ".") {
                isFraction = true
            } else {
                mantissa = mantissa * 10 + UInt128(text[place] &- UInt8(ascii: "0"))
                if mantissa > 0 { digits += 1 }
                guard digits <= Self.digitsMax else { return nil }
                if isFraction { exponent -= 1 }
            }
            place += 1
        }
        if place < text.count {
            place += 1
            let isNegative = text[place] == UInt8(ascii: "-")
            var power = 0
            for byte in text[place...] where byte != UInt8(ascii: "-") && byte != UInt8(ascii: "+") {
                power = min(power * 10 + Int(byte &- UInt8(ascii: "0")), Self.exponentMax)
            }
            exponent += isNegative ? -power : power
        }
        self.mantissa = mantissa
        self.exponent = exponent
    }

    func isMultiple(of other: JSONDecimal) -> Bool {
        precondition(other.mantissa > 0)
        if mantissa == 0 { return true }
        var shift = exponent - other.exponent
        guard shift < 0 else {
            // (mantissa * 10^shift) mod the other's mantissa, by squaring.
            let modulus = other.mantissa
            var (remainder, power) = (mantissa % modulus, 10 % modulus)
            while shift > 0 {
                if shift & 1 == 1 { remainder = Self.product(remainder, power, modulus) }
                power = Self.product(power, power, modulus)
                shift >>= 1
            }
            return remainder == 0
        }
        var divisor = other.mantissa
        while shift < 0 {
            let (product, isTooLarge) = divisor.multipliedReportingOverflow(by: 10)
            // Larger than any mantissa.
            if isTooLarge { return false }
            divisor = product
            shift += 1
        }
        return mantissa % divisor == 0
    }

    private static func product(_ a: UInt128, _ b: UInt128, _ modulus: UInt128) -> UInt128 {
        let (high, low) = a.multipliedFullWidth(by: b)
        // Both are below the modulus, so the quotient fits.
        return modulus.dividingFullWidth((high, low)).remainder
    }
}

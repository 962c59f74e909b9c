/// Why ClickHouse did not do what it was asked for.
struct ClickHouseFailure: Error, CustomStringConvertible {
    enum Kind: Equatable {
        /// Something in the rows can never be stored as it is; the number of the row where the server says it, from 1 on.
        case rows(place: Int?)
        /// Waiting, or an operator, helps.
        case later
    }

    let kind: Kind
    let description: String

    init(_ description: String) {
        kind = .later
        self.description = description
    }

    /// Of what a server answers that is not 200.
    ///
    /// - Parameter answer: `Code: 27, e.displayText() = DB::Exception: …` of old servers, `Code: 27. DB::Exception: …` of others.
    init(status: Int, answer: String, address: String) {
        let code = Self.code(answer)
        kind =
            switch code {
            case let code? where Self.codesOfRows.contains(code): .rows(place: Self.place(answer))
            // Of old servers a value that an Enum does not have; of others a defect of their own.
            case 49 where answer.contains("e.displayText()"): .rows(place: Self.place(answer))
            case 252 where answer.contains("Too many partitions for single INSERT"): .rows(place: nil)
            default: .later
            }
        let text = Self.shown(answer)
        description =
            "ClickHouse at \(address) says: \(text.isEmpty ? "HTTP status \(status)" : text)" + (code.flatMap(Self.hint) ?? "")
    }

    /// Codes of ClickHouse's errors that say that a value is not what its column can hold.
    private static let codesOfRows: Set<Int> = [
        6, 26, 27, 38, 41, 53, 69, 72, 117, 130, 131, 190, 321, 349, 376, 441, 467, 675, 676, 691,
    ]

    private static func code(_ answer: String) -> Int? {
        guard answer.hasPrefix("Code: ") else { return nil }
        return Int(answer.dropFirst(6).prefix { $0.isNumber })
    }

    /// It stands at a line's end: what the server quotes has no ends of lines, and may have everything else.
    private static func place(_ answer: String) -> Int? {
        for line in answer.split(separator: "\n") where line.last == ")" {
            guard let start = line.ranges(of: "(at row ").last else { continue }
            let digits = line[start.upperBound...].dropLast()
            return digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits).flatMap { $0 > 0 ? $0 : nil } : nil
        }
        return nil
    }

    /// What of an answer an operator needs: the line that names the column, where there is one, or the beginning. The rest quotes whole rows.
    private static func shown(_ answer: String) -> String {
        let lines = answer.split(separator: "\n")
        let column = lines.first { $0.contains("ERROR: ") }
        let first = lines.first.map(String.init) ?? ""
        let code = first.prefix { $0 != "," && $0 != "." }
        let line = column.map { "\(code): \($0)" } ?? first
        return line.count > 300 ? "\(line.prefix(300))…" : line
    }

    private static func hint(_ code: Int) -> String? {
        switch code {
        case 192, 193, 194, 516: " (ClickHouse.User and ClickHouse.Password must be what the server knows)"
        case 164, 242, 497: " (the user of ClickHouse.User may not write there)"
        case 252: " (its merges are behind; it goes on when they have caught up)"
        case 75, 243: " (its disk is full)"
        default: nil
        }
    }
}

/// Rows for a terminal: the first column to the left, the others to the right, each as wide as its widest cell.
struct TextTable {
    private var rows: [[String]]

    init(_ head: [String]) { rows = [head] }

    mutating func add(_ cells: [String]) {
        precondition(cells.count == rows[0].count)
        rows.append(cells)
    }

    var text: String {
        let widths = rows[0].indices.map { column in rows.map { TerminalText.width($0[column]) }.max() ?? 0 }
        return rows.map { cells in
            let first = TerminalText.padded(cells[0], to: widths[0])
            let others = cells.indices.dropFirst().map { column in
                String(repeating: " ", count: 2 + widths[column] - TerminalText.width(cells[column])) + cells[column]
            }
            return first + others.joined()
        }.joined(separator: "\n")
    }
}

/// A position in a text, counted from 1, columns in Unicode scalars.
struct TextMark {
    let line: Int
    let column: Int

    init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    init(ofCharacter offset: Int, in text: String) {
        let before = text.prefix(offset)
        line = before.reduce(1) { $0 + ($1.isNewline ? 1 : 0) }
        column = before.reversed().prefix { !$0.isNewline }.count + 1
    }
}

/// A YAML text whose duplicate keys got a private-use character in front, so that Yams composes the whole of it.
///
/// Yams refuses a mapping with two equal keys before it returns anything, and its scanner is not exposed. An operator
/// should see all mistakes at once, so the earlier of two equal keys is renamed here and gets its name back in the tree.
struct RenamedDuplicates {
    /// More duplicates than this are reported by Yams' own words.
    static let maximum = 256

    private(set) var text: String
    /// Line to the columns at which a character was put in, both from 1, columns in the changed line.
    private var insertions: [Int: [Int]] = [:]
    private var count = 0

    init(text: String) {
        self.text = text
    }

    /// Makes the key at `mark` unlike any other. Returns false when the key cannot be renamed in place.
    mutating func rename(keyAt mark: TextMark) -> Bool {
        guard count < Self.maximum, let name = Unicode.Scalar(0xE000 + UInt32(count)),
            var index = index(of: mark), index < text.endIndex
        else { return false }
        var column = mark.column
        switch text.unicodeScalars[index] {
        case "\"", "'":
            index = text.unicodeScalars.index(after: index)
            column += 1
        case "&", "*", "!", "?", "[", "{", "|", ">", "@", "`", "%": return false
        default: break
        }
        text.unicodeScalars.insert(name, at: index)
        // What was put in further right on this line has moved by one.
        let moved = (insertions[mark.line] ?? []).map { $0 >= column ? $0 + 1 : $0 }
        insertions[mark.line] = moved + [column]
        count += 1
        return true
    }

    /// The place in the text as the operator wrote it.
    func place(of mark: TextMark, path: String) -> ConfigurationPlace {
        let shift = insertions[mark.line]?.filter { $0 < mark.column }.count ?? 0
        return .file(path: path, line: mark.line, column: mark.column - shift)
    }

    /// The key as the operator wrote it.
    func original(_ key: String, at mark: TextMark) -> String {
        guard let columns = insertions[mark.line], let first = key.unicodeScalars.first,
            columns.contains(mark.column) || columns.contains(mark.column + 1),
            (0xE000..<0xE000 + UInt32(Self.maximum)).contains(first.value)
        else { return key }
        return String(String.UnicodeScalarView(key.unicodeScalars.dropFirst()))
    }

    private func index(of mark: TextMark) -> String.Index? {
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        var line = 1
        while line < mark.line {
            guard index < scalars.endIndex else { return nil }
            let scalar = scalars[index]
            index = scalars.index(after: index)
            switch scalar {
            case "\n", "\u{85}", "\u{2028}", "\u{2029}": line += 1
            case "\r":
                if index < scalars.endIndex, scalars[index] == "\n" { index = scalars.index(after: index) }
                line += 1
            default: break
            }
        }
        return scalars.index(index, offsetBy: mark.column - 1, limitedBy: scalars.endIndex)
    }
}

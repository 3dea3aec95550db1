import Foundation
import Testing

@testable import Lint

/// `docs/lint.md` lists the rules as the code has them.
struct DocumentTests {
    private static var table: String {
        var lines = ["| rule | level | section | what it asks for |", "|---|---|---|---|"]
        for rule in LintRule.all {
            lines.append("| `\(rule.name)` | \(rule.level.rawValue) | \(rule.section) | \(rule.sentence) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    @Test("every rule stands in docs/lint.md with its section; NEEDLETAIL_WRITE_DOCS=1 writes the table anew")
    func document() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/lint.md")
        var text = try String(contentsOf: file, encoding: .utf8)
        if ProcessInfo.processInfo.environment["NEEDLETAIL_WRITE_DOCS"] == "1",
            let start = text.range(of: "| rule | level |")
        {
            text = text[..<start.lowerBound] + Self.table
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(text.hasSuffix("\n\n" + Self.table))
        #expect(Set(LintRule.all.map(\.name)).count == LintRule.all.count)
    }
}

import Foundation
import Testing

/// What `needletail lint --json` printed.
struct LintOutput {
    struct Broken: CustomStringConvertible {
        let rule: String
        let description: String
    }

    private let report: [String: Any]

    /// `text` may begin with lines of progress.
    init(_ text: String) throws {
        let start = try #require(text.firstRange(of: "{\n"), "no report: \(text)").lowerBound
        let value = try JSONSerialization.jsonObject(with: Data(text[start...].utf8))
        report = try #require(value as? [String: Any])
    }

    var protocols: [String] { report["protocols"] as? [String] ?? [] }

    /// What was not judged, and why.
    var notes: [String] { report["notes"] as? [String] ?? [] }

    private var rules: [[String: Any]] { report["rules"] as? [[String: Any]] ?? [] }

    func verdict(of rule: String) -> String? {
        rules.first { $0["rule"] as? String == rule }?["verdict"] as? String
    }

    /// Rules that failed or warn, with their evidence.
    var broken: [Broken] {
        rules.filter { $0["verdict"] as? String == "fail" || $0["verdict"] as? String == "warn" }
            .map { Broken(rule: $0["rule"] as? String ?? "", description: "\($0)") }
    }
}

import HLS

extension LintReport {
    /// The report as a person reads it: what is wrong first, with its evidence, then the rest in short.
    package var text: String {
        var lines: [String] = []
        if let trouble { return "\(url)\n\(trouble)\n" }
        lines.append(
            "\(url): watched for \(Self.seconds(watched)) s over \(protocols.joined(separator: ", ")), "
                + "\(requests) requests, renditions: \(renditions.joined(separator: ", ")).")
        lines += notes
        for verdict in [Verdict.fail, .warn] {
            for result in results(verdict) { lines += Self.lines(of: result) }
        }
        for verdict in [Verdict.pass, .notSeen] where !results(verdict).isEmpty {
            lines.append("")
            for result in results(verdict) {
                let looks = verdict == .pass ? ", \(result.looks) looks" : ""
                lines.append(
                    "\(verdict.rawValue.padded(to: 8)) \(result.rule.name) (\(result.rule.section))\(looks)")
            }
        }
        lines.append("")
        lines.append(Verdict.allCases.reversed().map { "\(results($0).count) \($0.rawValue)" }.joined(separator: ", "))
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(of result: Result) -> [String] {
        var lines = [
            "",
            "\(result.verdict.rawValue.padded(to: 8)) \(result.rule.name) (\(result.rule.section)): "
                + "\(result.rule.sentence) Broken \(result.broken) of \(result.looks) times.",
        ]
        for finding in result.findings.prefix(3) {
            lines.append("         at \(seconds(finding.at)) s  \(finding.url)")
            lines.append("           seen: \(finding.seen)")
            if finding.expected != result.rule.sentence { lines.append("           expected: \(finding.expected)") }
        }
        if result.broken > 3 { lines.append("         and \(result.broken - 3) times more") }
        return lines
    }

    /// One decimal.
    static func seconds(_ duration: Duration) -> String {
        let tenths = Int((duration.inSeconds * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}

// MARK: JSON

extension LintReport: Encodable {
    private enum Key: String, CodingKey {
        case url, watchedSeconds, protocols, requests, renditions, worst, exitCode, trouble, notes, rules
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(url, forKey: .url)
        try container.encode(watched.inSeconds, forKey: .watchedSeconds)
        try container.encode(protocols, forKey: .protocols)
        try container.encode(requests, forKey: .requests)
        try container.encode(renditions, forKey: .renditions)
        try container.encode(worst.rawValue, forKey: .worst)
        try container.encode(exitCode, forKey: .exitCode)
        try container.encodeIfPresent(trouble, forKey: .trouble)
        try container.encode(notes, forKey: .notes)
        try container.encode(results, forKey: .rules)
    }
}

extension LintReport.Result: Encodable {
    private enum Key: String, CodingKey { case rule, section, level, sentence, verdict, looks, broken, findings }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(rule.name, forKey: .rule)
        try container.encode(rule.section, forKey: .section)
        try container.encode(rule.level.rawValue, forKey: .level)
        try container.encode(rule.sentence, forKey: .sentence)
        try container.encode(verdict.rawValue, forKey: .verdict)
        try container.encode(looks, forKey: .looks)
        try container.encode(broken, forKey: .broken)
        try container.encode(findings, forKey: .findings)
    }
}

extension Finding: Encodable {
    private enum Key: String, CodingKey { case atSeconds, url, seen, expected }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(at.inSeconds, forKey: .atSeconds)
        try container.encode(url, forKey: .url)
        try container.encode(seen, forKey: .seen)
        try container.encode(expected, forKey: .expected)
    }
}

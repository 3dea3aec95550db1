import ArgumentParser
import Configuration
import Foundation
import LoadtestCore

/// Runs a scenario and writes its report.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs a scenario and writes a report.",
        discussion: """
            Example: needletail-loadtest run loadtest/scenarios/smoke.yaml --report smoke
            writes smoke.html, smoke.json and smoke.csv. Ctrl-C ends early and still writes them.
            Exit code 0: every threshold was kept; 1: one was not; 3: they were, but the tool itself was too slow for the
            figures to be trusted; 78: the scenario has mistakes; 70: something that the run needs did not work.
            """)

    @Argument(help: "The scenario (YAML). Samples are in loadtest/scenarios.")
    var scenario: String

    @Option(help: "Where the report goes, without an ending. By default the scenario's name in loadtest-reports.")
    var report: String?

    @Option(help: ArgumentHelp("Replaces one setting, such as duration=10s. May be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Option(help: "Rounds, for compare to know the noise. Replaces the scenario's own.")
    var rounds: Int?

    @Flag(help: "Only reads the scenario and says what is wrong with it.")
    var check = false

    func run() throws {
        let scenario = try read()
        if check { return print("\(self.scenario): valid, \(scenario.viewers.reduce(0) { $0 + $1.count }) viewers") }
        if scenario.target.hasNodeLinks { try enterNetwork() }
        Interrupt.listen()
        raiseFileLimit()
        let progress = ProgressLine()
        var rounds: [RunReport.Round] = []
        let startedAt = ISO8601DateFormatter().string(from: Date())
        do {
            for number in 0..<scenario.rounds where !Interrupt.isAsked {
                if scenario.rounds > 1 { progress.say("round \(number + 1) of \(scenario.rounds)") }
                if let round = try Round(scenario, progress: progress).run() { rounds.append(round) }
            }
        } catch {
            progress.say("needletail-loadtest: \(error)")
            // What was measured before is still worth its report.
            if rounds.isEmpty { throw ExitCode(70) }
        }
        var report = RunReport(
            scenario: scenario.name, startedAt: startedAt, machine: Self.machine(), rounds: rounds)
        report.isComplete = !Interrupt.isAsked && rounds.count == scenario.rounds
        report.judge(scenario.thresholds)
        let base = try self.report ?? ReportFiles.standardBase(scenario.name)
        try ReportFiles.write(report, base: base)
        progress.say("")
        print(report.summary)
        print("report: \(base).html, \(base).json, \(base).csv")
        if !report.isKept { throw ExitCode(1) }
        if report.isSpoiled { throw ExitCode(3) }
    }

    private func enterNetwork() throws {
        do {
            try NodeNetwork.enter()
        } catch {
            FileHandle.standardError.write(Data("needletail-loadtest: \(error)\n".utf8))
            throw ExitCode(70)
        }
    }

    private func read() throws -> Scenario {
        do throws(ConfigurationError) {
            var overrides: [ConfigurationOverride] = []
            for text in set { overrides.append(try ConfigurationOverride(parsing: text)) }
            if let rounds {
                overrides.append(ConfigurationOverride(path: "rounds", value: "\(rounds)", flag: "--rounds"))
            }
            return try Scenario.decode(ConfigurationFile(readingFrom: scenario), overrides: overrides)
        } catch {
            FileHandle.standardError.write(Data("\(error.description)\n".utf8))
            throw ExitCode(78)
        }
    }

    /// Thousands of viewers are thousands of sockets.
    private func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// What a reader must know to believe the figures.
    private static func machine() -> String {
        var load = [Double](repeating: 0, count: 1)
        getloadavg(&load, 1)
        let model = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
            .split(separator: "\n").first { $0.hasPrefix("model name") }?
            .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        return "\(ProcessInfo.processInfo.activeProcessorCount) cores, \(model ?? "unknown processor"), load "
            + "\(String(format: "%.1f", load[0])) at the end"
    }
}

/// The three forms of a report.
enum ReportFiles {
    /// A folder of the working directory, which the repository ignores.
    static func standardBase(_ scenario: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "loadtest-reports", withIntermediateDirectories: true)
        return "loadtest-reports/\(scenario)"
    }

    static func write(_ report: RunReport, base: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(report).write(to: URL(fileURLWithPath: base + ".json"))
        try report.csv.write(toFile: base + ".csv", atomically: true, encoding: .utf8)
        try ReportPage(report).html.write(toFile: base + ".html", atomically: true, encoding: .utf8)
    }

    static func read(_ path: String) throws -> RunReport {
        try JSONDecoder().decode(RunReport.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

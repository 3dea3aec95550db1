import ArgumentParser
import Foundation
import LoadtestCore

/// Two runs side by side.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Puts two reports side by side.",
        discussion: """
            Example: needletail-loadtest compare before.json after.json
            A difference is told from noise by the rounds of each run: use run --rounds 3.
            """)

    @Argument(help: "The report to compare with (JSON).")
    var first: String

    @Argument(help: "The report to compare (JSON).")
    var second: String

    func run() throws {
        func read(_ path: String) throws -> RunReport {
            do { return try ReportFiles.read(path) } catch {
                throw ValidationError("\(path) is no report of needletail-loadtest run: \(error.localizedDescription)")
            }
        }
        let (a, b) = (try read(first), try read(second))
        let name = { (path: String) in URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent }
        print(Comparison(a, b).text(name(first), name(second)), terminator: "")
        for (path, report) in [(first, a), (second, b)] {
            for reason in Set(report.rounds.flatMap { $0.harness?.spoiledBy ?? [] }).sorted() {
                print("\(path) is not to be trusted: \(reason)")
            }
        }
    }
}

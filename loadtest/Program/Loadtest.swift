import ArgumentParser
import Foundation
import Node

/// Measures a live platform from the publisher's side to the glass.
@main
struct Loadtest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "needletail-loadtest", abstract: "Measures live video from the publisher to the glass.",
        version: ProductVersion.text,
        subcommands: [RunCommand.self, CompareCommand.self, BenchCommand.self, EdgeBenchCommand.self])

    static func main() {
        // An encoder that ends early is told by the write that fails, not by a signal that ends us.
        signal(SIGPIPE, SIG_IGN)
        main(nil)
    }
}

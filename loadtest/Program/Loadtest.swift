import ArgumentParser

/// Measures a live platform from the publisher's side to the glass.
@main
struct Loadtest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "needletail-loadtest", abstract: "Measures live video from the publisher to the glass.",
        subcommands: [BenchCommand.self])
}

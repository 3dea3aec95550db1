import ArgumentParser
import Configuration
import Node

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The one program: each role of a fleet is a subcommand.
@main
struct Needletail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "needletail",
        abstract: "Live video: RTMP in, Low-Latency HLS out, edges between.",
        discussion: """
            Example, an origin and an edge on one machine:
              needletail origin --config edge-config/origin.yaml
              needletail edge --config edge-config/edge.yaml
            """,
        version: ProductVersion.text,
        subcommands: [OriginCommand.self, EdgeCommand.self, LintCommand.self, CertificateCommand.self])

    static func main() async {
        // A log reader that goes away must not take the node along.
        signal(SIGPIPE, SIG_IGN)
        // Nor must a file that may grow no more.
        signal(SIGXFSZ, SIG_IGN)
        if let name = CommandLine.arguments.dropFirst().first { refuseUnknown(name) }
        await main(nil)
    }

    /// Ends the process if the first word is no command: the parser would say no more than that it did not expect it.
    private static func refuseUnknown(_ name: String) {
        let commands = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        guard !name.hasPrefix("-"), !commands.contains(name) else { return }
        let hint = NearestName.match(name, among: commands).map { "Did you mean \"\($0)\"?" }
        exit(
            withError: ValidationError(
                "There is no command \"\(name)\". \(hint ?? "There are \(commands.joined(separator: ", ")).")"))
    }
}

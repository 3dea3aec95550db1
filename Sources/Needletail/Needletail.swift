import ArgumentParser

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
        subcommands: [OriginCommand.self, EdgeCommand.self, LintCommand.self, CertificateCommand.self])

    static func main() async {
        // A log reader that goes away must not take the node along.
        signal(SIGPIPE, SIG_IGN)
        // Nor must a file that may grow no more.
        signal(SIGXFSZ, SIG_IGN)
        await main(nil)
    }
}

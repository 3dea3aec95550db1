import ArgumentParser
import Foundation
import Lint
import NIOPosix
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct LintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Watches a Low-Latency HLS stream and judges it by every rule that the wire shows.",
        discussion: """
            The stream may be anyone's: URL is a multivariant or a media playlist, http or https. docs/lint.md lists the \
            rules. Exit code 0: every rule that was seen is kept; 1: a recommendation is not followed; 2: a rule is \
            broken; 3: nothing could be judged.

            Example:
              needletail lint http://127.0.0.1:8081/live/demo/index.m3u8 --seconds 30
            """)

    @Argument(help: ArgumentHelp("Multivariant or media playlist.", valueName: "url"))
    var url: String

    @Option(name: .long, help: "Seconds to watch.")
    var seconds: Double = 20

    @Option(name: .long, help: "Seconds to ask again for a stream that is not there yet.")
    var wait: Double = 0

    @Option(name: .long, help: "Seconds that the network may add to a time that a rule sets.")
    var slack: Double = 0.25

    @Option(name: .long, help: ArgumentHelp("Trust the certificate authorities in this PEM file.", valueName: "file"))
    var ca: String?

    @Flag(name: .long, help: "Do not verify certificates.")
    var insecure = false

    @Flag(name: .customLong("http1"), help: "Speak HTTP/1.1 though the server may know HTTP/2.")
    var isHTTP1Only = false

    @Flag(name: .long, help: "Print the report as JSON.")
    var json = false

    func validate() throws {
        guard WebAddress(url) != nil else {
            throw ValidationError("\"\(url)\" is no URL. Give one such as http://127.0.0.1:8081/live/demo/index.m3u8.")
        }
        let bounds: [(name: String, value: Double, range: ClosedRange<Double>)] = [
            ("--seconds", seconds, 1...86_400), ("--wait", wait, 0...3_600), ("--slack", slack, 0...60),
        ]
        for (name, value, range) in bounds where !range.contains(value) {
            throw ValidationError("\(name) must be \(Int(range.lowerBound)) to \(Int(range.upperBound)) seconds.")
        }
    }

    func run() async throws {
        guard let address = WebAddress(url) else { return }
        var settings = LintSettings()
        settings.duration = .seconds(seconds)
        settings.wait = .seconds(wait)
        settings.slack = .seconds(slack)
        var connection = LintConnection()
        connection.authorityPath = ca
        connection.verifies = !insecure
        connection.isHTTP1Only = isHTTP1Only
        let progress = ProgressLine()
        let report = try await LintRunner.run(
            address, settings: settings, connection: connection,
            on: MultiThreadedEventLoopGroup.singleton.next(), tell: progress.show
        ).get()
        progress.clear()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            print(report.text, terminator: "")
        }
        throw ExitCode(report.exitCode)
    }
}

/// Progress on standard error: one living line on a terminal, a plain line now and then elsewhere.
private final class ProgressLine: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let count = Atomic<Int>(0)

    func show(_ line: String) {
        if isTerminal {
            write("\r\u{1b}[K\(line.prefix(160))")
        } else if count.wrappingAdd(1, ordering: .relaxed).newValue % 5 == 0 {
            write("\(line)\n")
        }
    }

    func clear() { if isTerminal { write("\r\u{1b}[K") } }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

import ArgumentParser
import Foundation
import Harness

/// Puts an edge beside nginx, Varnish and h2o, one core each in turn, in one run.
struct EdgeBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-edge",
        abstract: "Processor time of cached answers: an edge, nginx, Varnish and h2o side by side.",
        discussion: "Example: needletail-loadtest bench-edge --rounds 5 --object 2k.bin")

    @Option(help: "Interleaved rounds of each measurement.")
    var rounds = 3

    @Option(help: "Processor time of one measurement, in seconds.")
    var seconds = 1.0

    @Option(help: "Objects: 2k.bin, 100k.bin, 1m.bin; may be repeated.")
    var object: [String] = ["2k.bin", "100k.bin", "1m.bin"]

    func run() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("needletail-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let made = try Harness.run(Fleet.program, ["certificate", "--directory", directory.path])
        guard made.status == 0 else { throw TimedOut(description: "certificate: \(made.errors)") }
        let origin = try PlainOrigin(
            locations: "location / { add_header Cache-Control \"max-age=3600\"; }", in: directory)
        for (name, size) in [("2k.bin", 2_048), ("100k.bin", 100 * 1_024), ("1m.bin", 1 << 20)] {
            try Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                .write(to: origin.folder.appendingPathComponent(name))
        }
        let servers = CachePeers(directory: directory, originPort: origin.port, documents: origin.folder)
        let peers = [try servers.needletail(), try servers.nginx(), try servers.h2o(), try servers.varnish()]
        defer { for peer in peers { peer.process.stop() } }
        let rows = try HitMeasure(peers: peers, rounds: rounds, seconds: seconds).run(
            faces: CachePeer.Face.allCases, objects: object
        ) { FileHandle.standardError.write(Data("  \($0)\n".utf8)) }

        let names = peers.map(\.name)
        print("CPU ms for 1,000 cached answers, one core, median of \(rounds) rounds (least to most).")
        print("| | " + peers.map { "\($0.name) \($0.version)" }.joined(separator: " | ") + " | of nginx | of h2o |")
        print("|---" + String(repeating: "|---", count: names.count + 2) + "|")
        for row in rows {
            let cells = names.map { name in row.cost[name].map(Self.text) ?? "–" }
            let ratios = ["nginx", "h2o"].map { ratio(row, to: $0) }
            print("| \(row.face.rawValue), \(row.object) | " + (cells + ratios).joined(separator: " | ") + " |")
        }
    }

    private func ratio(_ row: HitMeasure.Row, to other: String) -> String {
        guard let ours = row.cost["needletail"].map(Spread.init), let theirs = row.cost[other].map(Spread.init) else {
            return "–"
        }
        return String(format: "%.2f", ours.quantile(0.5) / theirs.quantile(0.5))
    }

    private static func text(_ values: [Double]) -> String {
        let spread = Spread(values)
        return String(format: "%.1f (%.1f to %.1f)", spread.quantile(0.5), spread.quantile(0), spread.quantile(1))
    }
}

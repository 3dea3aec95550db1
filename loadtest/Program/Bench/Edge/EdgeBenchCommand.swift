import ArgumentParser
import Foundation
import Harness
import NIOPosix
import Wire

/// Puts an edge beside nginx, Varnish and h2o, one core each in turn, in one run.
struct EdgeBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-edge",
        abstract: "Cached answers and waiting viewers: an edge, nginx, Varnish and h2o side by side.",
        discussion: "Example: needletail-loadtest bench-edge --rounds 5 --object 2k.bin --measure hits")

    enum Measure: String, CaseIterable, ExpressibleByArgument {
        /// Processor time of cached answers.
        case hits
        /// Viewers that wait for one playlist, released at once.
        case herd
        /// Viewers that ask for one playlist after the other.
        case chase
    }

    @Option(help: "What is measured: hits, herd, chase; may be repeated.")
    var measure: [Measure] = Measure.allCases

    @Option(help: "Interleaved rounds of each measurement.")
    var rounds = 3

    @Option(help: "Processor time of one measurement, in seconds.")
    var seconds = 1.0

    @Option(help: "Objects: 2k.bin, 100k.bin, 1m.bin; may be repeated.")
    var object: [String] = ["2k.bin", "100k.bin", "1m.bin"]

    @Option(help: "Viewers that wait at once; may be repeated.")
    var herd: [Int] = [4_000, 10_000]

    func run() throws {
        // Servers take the first core; whatever loads them has the other.
        try ProcessorTime.stay(onCore: 1)
        try OpenFiles.need((herd.max() ?? 0) + 2_000)
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
        if measure.contains(.hits) { try measureHits(servers) }
        if measure.contains(.herd) || measure.contains(.chase) { try measureHerds(servers) }
    }

    private func note(_ text: String) { FileHandle.standardError.write(Data("  \(text)\n".utf8)) }

    private func measureHits(_ servers: CachePeers) throws {
        let peers = [try servers.needletail(), try servers.nginx(), try servers.h2o(), try servers.varnish()]
        defer { for peer in peers { peer.process.stop() } }
        let rows = try HitMeasure(peers: peers, rounds: rounds, seconds: seconds).run(
            faces: CachePeer.Face.allCases, objects: object, progress: note)
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

    private func measureHerds(_ servers: CachePeers) throws {
        let origin = try HoldingOrigin()
        defer { origin.stop() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let caches = servers.before(originPort: origin.port)
        let tls = try TLSMaterial.client(
            authorityPath: servers.directory.appendingPathComponent("cert.pem").path, verifies: true, protocols: ["h2"])
        // Servers that nobody has asked anything yet: what they held before would count as theirs.
        func withHerds<Value>(_ body: (HerdMeasure) throws -> Value) throws -> Value {
            let peers = [try caches.needletail(), try caches.varnish()]
            defer { for peer in peers { peer.process.stop() } }
            return try body(HerdMeasure(origin: origin, peers: peers, tls: tls, group: group))
        }
        if measure.contains(.herd) {
            print("Viewers that wait for one playlist, each with a connection of its own; \(rounds) rounds.")
            print(
                "| viewers | | released p50, p99, last (ms) | CPU of the release (ms) | kB for each | idle | fetches |")
            print("|---|---|---|---|---|---|---|")
            for face in [CachePeer.Face.http1, .secure] {
                for count in herd {
                    let rows = try withHerds {
                        try $0.run(face: face, viewers: count, rounds: rounds, progress: note)
                    }
                    for row in rows {
                        print(
                            "| \(count), \(face.rawValue) | \(row.peer) | \(Self.lateness(row)) | "
                                + String(
                                    format: "%.0f | %.1f | %.1f %% | ", row.release, row.bytesParked / 1_024,
                                    row.idle / 10)
                                + "\(row.fetches) |")
                    }
                }
            }
        }
        if measure.contains(.chase) {
            print("200 viewers at the live edge, 16 playlists one after the other, HTTP/1.1.")
            print("| | late p50, p99, last (ms) | fetches for each |")
            print("|---|---|---|")
            for row in try withHerds({ try $0.chase(viewers: 200, objects: 16, progress: note) }) {
                print("| \(row.peer) | \(Self.lateness(row)) | \(row.fetches) |")
            }
        }
    }

    private static func lateness(_ row: HerdMeasure.Row) -> String {
        let spread = Spread(row.lateness)
        return [0.5, 0.99, 1].map { String(format: "%.1f", spread.quantile($0)) }.joined(separator: ", ")
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

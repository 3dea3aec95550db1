import Foundation
import Harness

/// Processor time of a server for each cached object that it sends: h2load on the second core, the server on the first.
struct HitMeasure {
    struct Row {
        let face: CachePeer.Face
        let object: String
        /// Milliseconds of processor time for 1,000 requests, by server; the median of the rounds and their spread.
        var cost: [String: [Double]] = [:]
    }

    let peers: [CachePeer]
    let rounds: Int
    /// Processor time that one measurement should take, in seconds.
    let seconds: Double

    /// Rounds are interleaved, so that what disturbs the machine disturbs every server.
    func run(faces: [CachePeer.Face], objects: [String], progress: (String) -> Void) throws -> [Row] {
        var rows: [Row] = []
        for face in faces {
            for object in objects {
                var row = Row(face: face, object: object)
                var counts: [String: Int] = [:]
                for peer in peers where peer.ports[face] != nil {
                    progress("\(face.rawValue) \(object): \(peer.name), calibrating")
                    let (cpu, count) = try load(peer, face, object, count: object == "1m.bin" ? 200 : 2_000)
                    counts[peer.name] = max(100, min(400_000, Int(Double(count) * seconds / max(cpu, 0.01))))
                }
                for round in 1...rounds {
                    for peer in peers {
                        guard let count = counts[peer.name] else { continue }
                        progress("\(face.rawValue) \(object): \(peer.name), round \(round) of \(rounds)")
                        let (cpu, served) = try load(peer, face, object, count: count)
                        row.cost[peer.name, default: []].append(cpu * 1e6 / Double(served))
                    }
                }
                rows.append(row)
            }
        }
        return rows
    }

    private func load(
        _ peer: CachePeer, _ face: CachePeer.Face, _ object: String, count: Int
    ) throws -> (cpu: Double, served: Int) {
        guard let url = peer.url(face, "/\(object)") else { return (0, 0) }
        let before = peer.cpuSeconds
        let result = try Harness.run(
            "taskset",
            ["-c", "1", "h2load", "-n", "\(count)", "-c", "32", "-t", "1"]
                + (face == .http1 ? ["--h1", "-m", "1"] : ["-m", "10"]) + [url])
        let used = peer.cpuSeconds - before
        let text = String(decoding: result.output, as: UTF8.self)
        guard let match = text.firstMatch(of: /(\d+) succeeded, (\d+) failed/), let served = Int(match.1),
            match.2 == "0", served == count
        else {
            throw TimedOut(description: "\(peer.name) over \(face.rawValue): \(text) \(peer.process.text.suffix(500))")
        }
        return (used, served)
    }
}

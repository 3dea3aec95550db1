import Foundation
import Harness

/// A cache or web server under measurement: one worker on the first core, ports of its own, everything in a folder.
struct CachePeer {
    /// How a client speaks to it.
    enum Face: String, CaseIterable {
        case http1 = "HTTP/1.1"
        case clear = "h2c"
        case secure = "h2 over TLS"
    }

    let name: String
    let version: String
    let ports: [Face: Int]
    let process: ChildProcess

    /// Where to ask for a path; nil where it does not speak so.
    func url(_ face: Face, _ path: String) -> String? {
        ports[face].map { "\(face == .secure ? "https" : "http")://127.0.0.1:\($0)\(path)" }
    }

    /// Seconds of processor time of the process and of all that it started.
    var cpuSeconds: Double { ProcessorTime.ofFamily(process.processIdentifier) }

    /// Starts a server on the first core and waits until it answers on every port.
    static func start(
        name: String, version: String, ports: [Face: Int], command: [String], in directory: URL
    ) throws -> CachePeer {
        let process = try ChildProcess(
            "taskset", ["-c", "0"] + command, in: directory, name: name, patience: 5)
        let peer = CachePeer(name: name, version: version, ports: ports, process: process)
        for face in Face.allCases {
            guard let url = peer.url(face, "/2k.bin") else { continue }
            let options = face == .clear ? ["--http2-prior-knowledge"] : []
            _ = try eventually("\(name) answers over \(face.rawValue): \(process.text)") {
                try run("curl", ["-skf", "--max-time", "5", "-o", "/dev/null"] + options + [url]).status == 0
                    ? true : nil
            }
        }
        return peer
    }
}

/// Processor time as Linux counts it.
enum ProcessorTime {
    /// Seconds that a process and its living descendants have used, all threads (`/proc/PID/stat`, fields 14 and 15).
    static func ofFamily(_ root: Int32) -> Double {
        var ticks: [Int32: (parent: Int32, used: Double)] = [:]
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(entry),
                let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let rest = stat.split(separator: ")").last
            else { continue }
            let fields = rest.split(separator: " ")
            guard fields.count > 12, let parent = Int32(fields[1]), let user = Double(fields[11]),
                let system = Double(fields[12])
            else { continue }
            ticks[pid] = (parent, user + system)
        }
        let total = ticks.keys.reduce(0) { sum, pid in
            var ancestor = pid
            while ancestor != root, let parent = ticks[ancestor]?.parent, parent > 0 { ancestor = parent }
            return ancestor == root ? sum + (ticks[pid]?.used ?? 0) : sum
        }
        return total / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

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

    /// Bytes of memory of the process and of all that it started.
    var residentBytes: Int { ProcessorTime.family(process.processIdentifier).reduce(0) { $0 + $1.residentBytes } }

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

/// What Linux says of processes.
enum ProcessorTime {
    struct Usage {
        /// Processor time of all threads.
        let seconds: Double
        let residentBytes: Int
    }

    /// A process and its living descendants (`/proc/PID/stat`, fields 14, 15 and 24).
    static func family(_ root: Int32) -> [Usage] {
        var processes: [Int32: (parent: Int32, usage: Usage)] = [:]
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(entry),
                let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let rest = stat.split(separator: ")").last
            else { continue }
            let fields = rest.split(separator: " ")
            guard fields.count > 21, let parent = Int32(fields[1]), let user = Double(fields[11]),
                let system = Double(fields[12]), let pages = Int(fields[21])
            else { continue }
            let usage = Usage(
                seconds: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK))),
                residentBytes: pages * sysconf(Int32(_SC_PAGESIZE)))
            processes[pid] = (parent, usage)
        }
        return processes.compactMap { pid, process in
            var ancestor = pid
            while ancestor != root, let parent = processes[ancestor]?.parent, parent > 0 { ancestor = parent }
            return ancestor == root ? process.usage : nil
        }
    }

    /// Seconds that a process and its living descendants have used.
    static func ofFamily(_ root: Int32) -> Double { family(root).reduce(0) { $0 + $1.seconds } }

    /// This process, with all threads and processes that it starts from now on, stays on one core.
    static func stay(onCore core: Int) throws {
        let result = try run("taskset", ["-a", "-c", "-p", "\(core)", "\(getpid())"])
        guard result.status == 0 else { throw TimedOut(description: "taskset: \(result.errors)") }
    }
}

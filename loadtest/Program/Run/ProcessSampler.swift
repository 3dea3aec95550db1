import Foundation
import LoadtestCore

/// CPU and memory of processes, read from /proc once a second.
final class ProcessSampler {
    private struct Track {
        var name: String
        var pids: [Int32]
        var last: Double?
        var cpu: [Double] = []
        var memory: [Double] = []
    }

    private var tracks: [Track] = []
    private var lastAt = Date()

    func watch(_ name: String, _ pids: [Int32]) {
        if let index = tracks.firstIndex(where: { $0.name == name }) {
            // Another process under the name: what the old one used is no base for it.
            if tracks[index].pids != pids { (tracks[index].pids, tracks[index].last) = (pids, nil) }
        } else {
            tracks.append(Track(name: name, pids: pids))
        }
    }

    /// Every process whose program has this name.
    static func pids(named name: String) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.filter { pid in
            let text = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
            return text?.trimmingCharacters(in: .whitespacesAndNewlines) == name
        }
    }

    /// Forgets what was sampled; the processes stay.
    func reset() {
        for index in tracks.indices {
            tracks[index].cpu = []
            tracks[index].memory = []
            tracks[index].last = Self.cpuSeconds(tracks[index].pids)
        }
        lastAt = Date()
    }

    func sample() {
        let now = Date()
        let passed = max(0.001, now.timeIntervalSince(lastAt))
        lastAt = now
        for index in tracks.indices {
            let used = Self.cpuSeconds(tracks[index].pids)
            let base = tracks[index].last ?? used
            tracks[index].cpu.append(max(0, 100 * (used - base) / passed))
            tracks[index].memory.append(tracks[index].pids.reduce(0) { $0 + Self.megabytes($1) })
            tracks[index].last = used
        }
    }

    var uses: [RunReport.ProcessUse] {
        tracks.map { RunReport.ProcessUse(name: $0.name, cpu: $0.cpu, memory: $0.memory) }
    }

    /// User and system time of all threads (proc(5): stat, fields 14 and 15).
    private static func cpuSeconds(_ pids: [Int32]) -> Double {
        pids.reduce(0) { sum, pid in
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let rest = stat.split(separator: ")").last
            else { return sum }
            let fields = rest.split(separator: " ")
            guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return sum }
            return sum + (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }

    private static func megabytes(_ pid: Int32) -> Double {
        guard let statm = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8) else { return 0 }
        let fields = statm.split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return 0 }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1e6
    }
}

import Foundation
import NIOCore

/// The cores that this process may run on (`taskset`, cpusets), within its quota of them.
enum UsableCores {
    static var count: Int {
        // The C library tells it in a macro alone; the kernel writes it down as a mask in hexadecimal digits.
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        guard let mask = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") }) else {
            return System.coreCount
        }
        let bits = mask.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return max(1, min(bits, System.coreCount))
    }
}

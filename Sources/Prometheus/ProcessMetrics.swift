#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The process as the kernel sees it, under the names that every Prometheus client library uses. Linux only: elsewhere
/// nothing is known and nothing exposed.
package struct ProcessMetrics: Equatable, Sendable {
    /// User and system time since the start, all threads.
    package var cpuSeconds: Double
    package var residentBytes: UInt64
    package var virtualBytes: UInt64
    package var openFileDescriptors: UInt64
    /// The soft limit of file descriptors.
    package var maximumFileDescriptors: UInt64
    /// Seconds since 1970.
    package var startSeconds: Double

    /// Reads `/proc`, which takes about as long as a few system calls; nil where there is none.
    package static func read() -> ProcessMetrics? {
        guard let stat = contents("/proc/self/stat"), let system = contents("/proc/stat") else { return nil }
        var limit = rlimit()
        #if canImport(Glibc)
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #else
            getrlimit(RLIMIT_NOFILE, &limit)
        #endif
        return ProcessMetrics(
            stat: stat, systemStat: system, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))),
            pageBytes: UInt64(clamping: sysconf(Int32(_SC_PAGESIZE))), openFileDescriptors: countOpenFiles(),
            maximumFileDescriptors: UInt64(limit.rlim_cur))
    }

    /// From the text of `/proc/self/stat` (proc(5)) and `/proc/stat`; nil when they are not as documented.
    init?(
        stat: String, systemStat: String, ticksPerSecond: Double, pageBytes: UInt64, openFileDescriptors: UInt64,
        maximumFileDescriptors: UInt64
    ) {
        // The command in parentheses may hold spaces and parentheses: fields count from behind the last one, as 3.
        guard ticksPerSecond > 0, let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[end...].dropFirst().split(separator: " ")
        func field(_ number: Int) -> UInt64? {
            fields.indices.contains(number - 3) ? UInt64(fields[number - 3]) : nil
        }
        guard let user = field(14), let kernel = field(15), let start = field(22), let virtual = field(23),
            let pages = field(24),
            let boot = systemStat.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let bootSeconds = Double(boot.dropFirst(6))
        else { return nil }
        cpuSeconds = (Double(user) + Double(kernel)) / ticksPerSecond
        residentBytes = pages.multipliedReportingOverflow(by: pageBytes).partialValue
        virtualBytes = virtual
        self.openFileDescriptors = openFileDescriptors
        self.maximumFileDescriptors = maximumFileDescriptors
        startSeconds = bootSeconds + Double(start) / ticksPerSecond
    }

    /// Appends one family for each.
    package func expose(into text: inout ExpositionText) {
        text.family("process_cpu_seconds_total", .counter, help: "User and system CPU time spent, in seconds.")
        text.sample("process_cpu_seconds_total", cpuSeconds)
        text.family("process_max_fds", .gauge, help: "Most file descriptors that may be open.")
        text.sample("process_max_fds", maximumFileDescriptors)
        text.family("process_open_fds", .gauge, help: "Open file descriptors.")
        text.sample("process_open_fds", openFileDescriptors)
        text.family("process_resident_memory_bytes", .gauge, help: "Resident memory in bytes.")
        text.sample("process_resident_memory_bytes", residentBytes)
        text.family("process_start_time_seconds", .gauge, help: "Start of the process, in seconds since 1970.")
        text.sample("process_start_time_seconds", startSeconds)
        text.family("process_virtual_memory_bytes", .gauge, help: "Virtual memory in bytes.")
        text.sample("process_virtual_memory_bytes", virtualBytes)
    }

    /// A file of the kernel's, 256 KiB of it at most.
    private static func contents(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        // `/proc/stat` puts a line per CPU and a long one of interrupts before `btime`.
        var bytes = [UInt8](repeating: 0, count: 256 << 10)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    private static func countOpenFiles() -> UInt64 {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count: UInt64 = 0
        while readdir(folder) != nil { count += 1 }
        // Less ".", ".." and the descriptor of the folder itself.
        return count >= 3 ? count - 3 : 0
    }
}

import Testing

@testable import Prometheus

#if os(Linux)
    import Glibc
#endif

@Suite("Process metrics")
struct ProcessMetricsTests {
    /// A line as proc(5) has it, with a command of spaces and parentheses.
    static let stat = """
        4242 (nee (dle) tail) S 1 4242 4242 0 -1 4194304 1 0 0 0 250 150 0 0 20 0 4 0 1000 123456789 256 \
        18446744073709551615
        """
    static let system = "cpu  1 2 3\nctxt 5\nbtime 1700000000\nprocesses 9\n"

    private func parse(_ stat: String, _ system: String = system) -> ProcessMetrics? {
        ProcessMetrics(
            stat: stat, systemStat: system, ticksPerSecond: 100, pageBytes: 4096, openFileDescriptors: 3,
            maximumFileDescriptors: 1024)
    }

    @Test("the kernel's line is read by position, behind the command")
    func parsing() throws {
        let metrics = try #require(parse(Self.stat))
        #expect(metrics.cpuSeconds == 4)
        #expect(metrics.residentBytes == 256 * 4096)
        #expect(metrics.virtualBytes == 123_456_789)
        #expect(metrics.startSeconds == 1_700_000_010)
    }

    @Test("a line that is not as documented gives nothing", arguments: ["", ")", "1 (a) S 1 2 3", "1 a S 1"])
    func malformed(stat: String) {
        #expect(parse(stat) == nil)
        #expect(parse(Self.stat, "cpu 1\n") == nil)
    }

    @Test("each is exposed under its usual name")
    func exposition() throws {
        var text = ExpositionText()
        try #require(parse(Self.stat)).expose(into: &text)
        let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            lines == [
                "process_cpu_seconds_total 4", "process_max_fds 1024", "process_open_fds 3",
                "process_resident_memory_bytes 1048576", "process_start_time_seconds 1700000010",
                "process_virtual_memory_bytes 123456789",
            ])
    }

    #if os(Linux)
        @Test("the running process is alive, has memory and open files, and began after 2020")
        func live() throws {
            let metrics = try #require(ProcessMetrics.read())
            #expect(metrics.residentBytes > 1 << 20)
            #expect(metrics.openFileDescriptors >= 1)
            #expect(metrics.maximumFileDescriptors >= metrics.openFileDescriptors)
            #expect(metrics.startSeconds > 1_577_836_800)
            // Descriptors of other tests come and go: sixty-four of ours show through.
            let opened = (0..<64).map { _ in open("/dev/null", O_RDONLY) }
            defer { for descriptor in opened { close(descriptor) } }
            #expect(opened.allSatisfy { $0 >= 0 })
            #expect(try #require(ProcessMetrics.read()).openFileDescriptors >= 64)
        }
    #endif
}

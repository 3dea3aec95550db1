import CoreMetrics
import Testing

@testable import Prometheus

private func exposed(_ factory: PrometheusFactory) -> String {
    var bytes: [UInt8] = []
    factory.expose(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
}

@Suite("Exposition format 0.0.4")
struct ExpositionTests {
    @Test("families and series come in the order of their names, each with type and help")
    func order() {
        let factory = PrometheusFactory()
        factory.describe("requests_total", help: "Requests\nanswered, by \\ \"code\".")
        Gauge(label: "z_gauge", factory: factory).record(1.5)
        Counter(label: "requests_total", dimensions: [("status", "404"), ("method", "GET")], factory: factory)
            .increment(by: 2)
        Counter(label: "requests_total", dimensions: [("method", "GET"), ("status", "200")], factory: factory)
            .increment()
        Counter(label: "requests_total", factory: factory).increment(by: 5)
        Meter(label: "a_meter", factory: factory).decrement(by: 3)
        FloatingPointCounter(label: "cpu_seconds_total", factory: factory).increment(by: 0.25)
        #expect(
            exposed(factory) == #"""
                # TYPE a_meter gauge
                a_meter -3
                # TYPE cpu_seconds_total counter
                cpu_seconds_total 0.25
                # HELP requests_total Requests\nanswered, by \\ "code".
                # TYPE requests_total counter
                requests_total 5
                requests_total{method="GET",status="200"} 1
                requests_total{method="GET",status="404"} 2
                # TYPE z_gauge gauge
                z_gauge 1.5

                """#)
    }

    @Test("a timer is a histogram in seconds whose buckets add up and take their bound")
    func histogram() {
        let factory = PrometheusFactory()
        factory.describe("wait_seconds", help: "Wait.", buckets: [0.1, 1])
        let timer = Timer(label: "wait_seconds", dimensions: [("kind", "playlist")], factory: factory)
        for milliseconds in [50, 100, 101, 5000] { timer.recordMilliseconds(milliseconds) }
        timer.recordNanoseconds(-1)
        #expect(
            exposed(factory) == #"""
                # HELP wait_seconds Wait.
                # TYPE wait_seconds histogram
                wait_seconds_bucket{kind="playlist",le="0.1"} 3
                wait_seconds_bucket{kind="playlist",le="1"} 4
                wait_seconds_bucket{kind="playlist",le="+Inf"} 5
                wait_seconds_sum{kind="playlist"} 5.251
                wait_seconds_count{kind="playlist"} 5

                """#)
    }

    @Test("a recorder aggregates into a histogram, or is a gauge")
    func recorder() {
        let factory = PrometheusFactory()
        Recorder(label: "size_bytes", factory: factory).record(100)
        Recorder(label: "depth", aggregate: false, factory: factory).record(7)
        let text = exposed(factory)
        #expect(text.contains("# TYPE depth gauge\ndepth 7\n"))
        #expect(text.contains("size_bytes_bucket{le=\"10\"} 0\nsize_bytes_bucket{le=\"100\"} 1\n"))
        #expect(text.contains("size_bytes_bucket{le=\"1000000000\"} 1\nsize_bytes_bucket{le=\"+Inf\"} 1\n"))
    }

    @Test(
        "a label's value cannot leave its quotes",
        arguments: [
            ("plain", "plain"), ("a\"b", #"a\"b"#), ("a\\b", #"a\\b"#), ("a\nb 1", #"a\nb 1"#), ("채널", "채널"),
            ("\"} 1\nevil 1", #"\"} 1\nevil 1"#),
        ])
    func escaping(value: String, expected: String) {
        let factory = PrometheusFactory()
        Counter(label: "c", dimensions: [("l", value)], factory: factory).increment()
        #expect(exposed(factory) == "# TYPE c counter\nc{l=\"\(expected)\"} 1\n")
    }

    @Test(
        "names are made to fit the alphabet",
        arguments: [
            ("a.b-c", "x y", "a_b_c", "x_y"), ("1a", "1", "_1a", "_1"), ("a:b", "a:b", "a:b", "a_b"),
            ("", "", "_", "_"), ("a\nb", "le", "a_b", "label_le"), ("é", "__name__", "__", "label___name__"),
        ])
    func names(metric: String, label: String, expectedMetric: String, expectedLabel: String) {
        let factory = PrometheusFactory()
        Counter(label: metric, dimensions: [(label, "v")], factory: factory).increment()
        #expect(
            exposed(factory) == "# TYPE \(expectedMetric) counter\n\(expectedMetric){\(expectedLabel)=\"v\"} 1\n")
    }

    @Test(
        "numbers are written as Prometheus reads them",
        arguments: [
            (0.0, "0"), (-1.0, "-1"), (0.1, "0.1"), (1e-9, "1e-09"), (1e20, "1e+20"), (Double.infinity, "+Inf"),
            (-Double.infinity, "-Inf"), (Double.nan, "NaN"),
        ])
    func numbers(value: Double, expected: String) {
        #expect(ExpositionText.number(value) == expected)
    }

    @Test("other rooms' numbers join the text, exact beyond 2^53")
    func samples() {
        var text = ExpositionText(continuing: Array("# before\n".utf8))
        text.family("bytes_sent_total", .counter, help: "Bytes.")
        text.sample("bytes_sent_total", labels: [("listener", "https")], UInt64.max)
        #expect(
            String(decoding: text.bytes, as: UTF8.self) == """
                # before
                # HELP bytes_sent_total Bytes.
                # TYPE bytes_sent_total counter
                bytes_sent_total{listener="https"} 18446744073709551615

                """)
    }
}

@Suite("Registry")
struct RegistryTests {
    @Test("equal labels are one series, in any order")
    func identity() {
        let factory = PrometheusFactory()
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: factory).increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: factory).increment()
        #expect(exposed(factory) == "# TYPE c counter\nc{a=\"1\",b=\"2\"} 2\n")
    }

    @Test("label sets beyond the cap share one series, and their sum is right")
    func cap() {
        let factory = PrometheusFactory(maximumSeries: 2)
        for name in ["a", "b", "c", "d", "a"] {
            Counter(label: "c", dimensions: [("channel", name)], factory: factory).increment()
        }
        #expect(
            exposed(factory) == """
                # TYPE c counter
                c{channel="a"} 2
                c{channel="b"} 1
                c{overflow="true"} 2
                # HELP metrics_overflow_total Label sets beyond a metric's cap, whose values went to its series with \
                overflow="true".
                # TYPE metrics_overflow_total counter
                metrics_overflow_total{metric="c"} 2

                """)
    }

    @Test("a name is of one kind, and names are bounded: what is not exposed is counted")
    func rejections() {
        let factory = PrometheusFactory(maximumFamilies: 1)
        let counter = Counter(label: "x", factory: factory)
        Gauge(label: "x", factory: factory).record(7)
        Counter(label: "y", factory: factory).increment()
        counter.increment()
        let text = exposed(factory)
        #expect(text.hasPrefix("# TYPE x counter\nx 1\n"))
        #expect(text.hasSuffix("metrics_rejected_total 2\n"))
        #expect(!text.contains("y "))
    }

    @Test("a destroyed series is gone and makes room, and its family is free for another kind")
    func destruction() {
        let factory = PrometheusFactory(maximumSeries: 1)
        let gauge = Gauge(label: "g", dimensions: [("channel", "a")], factory: factory)
        gauge.record(1)
        gauge.destroy()
        #expect(exposed(factory).isEmpty)
        Counter(label: "g", dimensions: [("channel", "b")], factory: factory).increment()
        #expect(exposed(factory) == "# TYPE g counter\ng{channel=\"b\"} 1\n")
    }

    @Test("a counter never falls but by reset")
    func monotony() {
        let factory = PrometheusFactory()
        let counter = Counter(label: "c", factory: factory)
        counter.increment(by: 5)
        counter.increment(by: -3)
        let floating = FloatingPointCounter(label: "f", factory: factory)
        floating.increment(by: 1.5)
        floating.increment(by: -1.0)
        floating.increment(by: Double.nan)
        floating.increment(by: Double.infinity)
        #expect(exposed(factory) == "# TYPE c counter\nc 5\n# TYPE f counter\nf 1.5\n")
        counter.reset()
        floating.reset()
        #expect(exposed(factory) == "# TYPE c counter\nc 0\n# TYPE f counter\nf 0\n")
    }

    @Test("nothing is lost when many threads count, make and expose at once")
    func concurrency() async {
        let factory = PrometheusFactory()
        let tasks = 8
        let rounds = 2000
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    let counter = Counter(label: "c", dimensions: [("task", "\(task % 4)")], factory: factory)
                    let floating = FloatingPointCounter(label: "f", factory: factory)
                    let meter = Meter(label: "m", factory: factory)
                    let timer = Timer(label: "t_seconds", factory: factory)
                    for round in 0..<rounds {
                        counter.increment()
                        floating.increment(by: 0.5)
                        meter.increment(by: 2)
                        meter.decrement(by: 1)
                        timer.recordMilliseconds(500)
                        if round % 500 == 0 {
                            Counter(label: "made_total", dimensions: [("round", "\(round)")], factory: factory)
                                .increment()
                            #expect(exposed(factory).contains("# TYPE c counter"))
                        }
                    }
                }
            }
        }
        let text = exposed(factory)
        for task in 0..<4 { #expect(text.contains("c{task=\"\(task)\"} \(2 * rounds)\n")) }
        #expect(text.contains("\nf \(tasks * rounds / 2)\n"))
        #expect(text.contains("\nm \(tasks * rounds)\n"))
        #expect(text.contains("t_seconds_bucket{le=\"0.25\"} 0\nt_seconds_bucket{le=\"0.5\"} \(tasks * rounds)\n"))
        #expect(text.contains("t_seconds_sum \(tasks * rounds / 2)\nt_seconds_count \(tasks * rounds)\n"))
        for round in stride(from: 0, to: rounds, by: 500) {
            #expect(text.contains("made_total{round=\"\(round)\"} \(tasks)\n"))
        }
    }
}

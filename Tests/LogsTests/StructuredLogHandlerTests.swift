import Foundation
import Logging
import Testing

@testable import Logs

@Suite("The handler")
struct StructuredLogHandlerTests {
    struct Failure: Error, CustomStringConvertible { let description = "disk full" }

    /// What is written by `body` into a pipe whose reader is as fast as the system lets it.
    private func written(_ body: (LogOutput) async -> Void) async throws -> [Substring] {
        let pipe = Pipe()
        let reader = Task.detached { try pipe.fileHandleForReading.readToEnd() ?? Data() }
        await body(LogOutput(fileDescriptor: pipe.fileHandleForWriting.fileDescriptor))
        try pipe.fileHandleForWriting.close()
        return String(decoding: try await reader.value, as: UTF8.self).split(separator: "\n")
    }

    private func logger(
        _ output: LogOutput, level: Logger.Level = .info, provider: Logger.MetadataProvider? = nil
    ) -> Logger {
        Logger(label: "edge") { label in
            var handler = StructuredLogHandler(label: label, format: .text, level: level, output: output) { 0 }
            handler.metadataProvider = provider
            return handler
        }
    }

    @Test("all loggers of a process take another level at once, but for one that has its own")
    func threshold() async throws {
        let lines = try await written { output in
            let threshold = LogThreshold(.info)
            let made = (0..<2).map { _ in
                Logger(label: "edge") {
                    StructuredLogHandler(label: $0, format: .text, threshold: threshold, output: output) { 0 }
                }
            }
            var own = made[0]
            own.logLevel = .error
            made[0].debug("1")
            threshold.level = .debug
            made[0].debug("2")
            made[1].debug("3")
            own.debug("4")
            threshold.level = .warning
            made[1].info("5")
        }
        #expect(lines.map { $0.suffix(1) } == ["2", "3"])
    }

    @Test("the event's metadata wins over the provider's, and that over the logger's")
    func metadata() async throws {
        let lines = try await written { output in
            var logger = logger(output, provider: Logger.MetadataProvider { ["b": "provider", "c": "provider"] })
            logger[metadataKey: "a"] = "logger"
            logger[metadataKey: "b"] = "logger"
            logger.warning("m", metadata: ["c": "event"])
        }
        #expect(lines == ["1970-01-01T00:00:00.000Z warning edge: m a=logger b=provider c=event"])
    }

    @Test("what is below the level is left out, and an error is metadata")
    func level() async throws {
        let lines = try await written { output in
            var logger = logger(output, level: .notice)
            logger.info("no")
            logger.notice("yes")
            logger.error("failed", error: Failure())
            logger.logLevel = .critical
            logger.error("no")
        }
        #expect(
            lines == [
                "1970-01-01T00:00:00.000Z notice edge: yes",
                "1970-01-01T00:00:00.000Z error edge: failed error=\"disk full\"",
            ])
    }

    @Test("lines of many threads stay whole, longer than a pipe's atomic write too")
    func threads() async throws {
        let long = String(repeating: "x", count: 3000)
        let lines = try await written { output in
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        let logger = logger(output)
                        for round in 0..<50 {
                            logger.info("m", metadata: ["a": "\(task)-\(round)", "b": "\(long)", "c": "\(long)"])
                        }
                    }
                }
            }
        }
        #expect(lines.count == 400)
        var seen: Set<Substring> = []
        for line in lines {
            let fields = line.split(separator: " ")
            #expect(fields.count == 7 && fields[5] == "b=\(long)" && fields[6] == "c=\(long)")
            seen.insert(fields[4])
        }
        #expect(seen.count == 400)
    }

    @Test("an output that is gone ends nothing")
    func closedOutput() {
        let logger = logger(LogOutput(fileDescriptor: -1))
        logger.info("into the void")
    }

    @Test("the system's clock counts from 1970")
    func clock() {
        #expect(StructuredLogHandler.systemTime() > 1_577_836_800_000_000)
    }
}

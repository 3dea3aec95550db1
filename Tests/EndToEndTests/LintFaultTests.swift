import Foundation
import Lint
import LintFaults
import NIOCore
import NIOPosix
import Testing
import Wire

/// Deliberate faults behind the real server, watched by the real runner.
extension EndToEnd {
    @Suite struct LintFaultTests {
        /// All at once.
        @Test("over sockets: each fault is found under its own rule and under no other")
        func served() async throws {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
            let serverLoop = group.next()
            let service = try await serverLoop.submit {
                let wall = Int64(Date().timeIntervalSince1970 * 1e6)
                let site = FaultySite(Fault.served, source: LiveSource(wall: wall, past: .seconds(22)), wall: wall)
                let responder = FaultyResponder(site, on: serverLoop)
                responder.start()
                return NIOLoopBound(
                    (
                        responder,
                        HTTPService(
                            responder: responder,
                            registry: ConnectionRegistry(limits: ServerLimits(), eventLoop: serverLoop))
                    ), eventLoop: serverLoop)
            }.get()
            let http = try await serverLoop.submit { NIOLoopBound(service.value.1, eventLoop: serverLoop) }.get()
            let server = try await HTTPServer.listen(
                host: "127.0.0.1", port: 0, tls: nil, services: HTTPServices(http))
            var settings = LintSettings()
            // As many states as every probe needs, however long a busy machine takes for them; times are judged elsewhere.
            settings.states = 16
            settings.duration = .seconds(120)
            settings.slack = .seconds(10)
            var watches: [(Fault, Bool, EventLoopFuture<LintReport>)] = []
            for fault in Fault.served {
                let path = fault.needsBoth ? "index.m3u8" : "video/playlist.m3u8"
                let url = try #require(
                    WebAddress("http://127.0.0.1:\(server.address?.port ?? 0)/\(fault.name)/\(path)"))
                // A faultless stream is watched over HTTP/1.1 too.
                for isHTTP1 in fault.rule == nil ? [false, true] : [false] {
                    var connection = LintConnection()
                    connection.isHTTP1Only = isHTTP1
                    let report = LintRunner.run(url, settings: settings, connection: connection, on: group.next())
                    watches.append((fault, isHTTP1, report))
                }
            }
            for (fault, isHTTP1, future) in watches {
                let report = try await future.get()
                Self.expect(fault, report)
                #expect(report.protocols == [isHTTP1 ? "HTTP/1.1" : "HTTP/2"])
            }
            await server.stopAccepting()
            try await serverLoop.submit {
                service.value.0.stop()
                service.value.1.registry.closeAll()
            }.get()
            try await group.shutdownGracefully()
        }

        private static func expect(_ fault: Fault, _ report: LintReport) {
            #expect(report.trouble == nil, "\(report.trouble ?? "")")
            let broken = Set(report.results.filter { $0.verdict > .pass }.map(\.rule.name))
            #expect(broken.subtracting(fault.implied) == Set([fault.rule].compactMap { $0 }), "\(report.text)")
            #expect(report.exitCode == (broken.isEmpty ? 0 : report.worst == .warn ? 1 : 2))
        }
    }
}

import Foundation
import HTTP
import NIOCore
import NIOPosix
import Testing
import Wire

/// A head that is laid out once begins every answer like one that is written anew.
@Suite struct PreparedHeadTests {
    private final class Prepared: Responder {
        private let body = ByteBuffer(string: "twelve bytes")
        private lazy var heads = [200, 204, 404].map { status in
            var head = ResponseHead(status: UInt16(status))
            head.fields.append("content-type", "text/plain")
            head.fields.append("content-length", "7")
            head.fields.append("x-empty", "")
            head.fields.append("connection", "x-ours")
            head.fields.append("age", "3")
            return PreparedHead(head, length: status == 204 ? 0 : 12)
        }

        func respond(to request: RequestHead, body _: ByteBuffer, on exchange: Exchange) {
            let index = request.queryValue("head")?.decimalValue ?? 0
            let head = heads[min(index, heads.count - 1)]
            if request.path.isEqual(to: "/prepared") {
                exchange.respond(head, body: index == 1 ? .none : .bytes(body))
            } else {
                exchange.respond(head.head, body: index == 1 ? .none : .bytes(body))
            }
        }
        func cancelled(_ exchange: Exchange) {}
    }

    @Test(arguments: [false, true], ["--http1.0", "--http1.1", "--http2-prior-knowledge"])
    func saysTheSameAsOneWrittenAnew(isSecure: Bool, version: String) async throws {
        // Over TLS the version is settled by ALPN, not by prior knowledge.
        let version = isSecure && version == "--http2-prior-knowledge" ? "--http2" : version
        try await LoopbackServer.with(isSecure: isSecure, responder: { Prepared() }) { server in
            for (head, options) in [(0, []), (1, []), (2, []), (0, ["--head"])] {
                let anew = try curl([version] + options, "\(server.address)/anew?head=\(head)")
                #expect(anew.contains("age: 3") && anew.contains("x-empty:"))
                // Twice on one connection, of which curl is capable where it need not know before; and on another.
                let url = "\(server.address)/prepared?head=\(head)"
                let isOnce = version == "--http2-prior-knowledge"
                #expect(try curl([version] + options + (isOnce ? [] : [url]), url) == anew + (isOnce ? "" : anew))
                #expect(try curl([version] + options, url) == anew)
            }
        }
    }

    private func curl(_ options: [String], _ url: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["curl", "-sk", "--max-time", "20", "-D", "-"] + options + [url]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}

import NIOCore
import Testing

@testable import HTTP

@Suite("Bytes that are no acceptable request")
struct MalformedRequestTests {
    @Test("The request line", arguments: MalformedRequest.requestLines)
    func refusesRequestLine(_ row: MalformedRequest) { check(row) }

    @Test("The target", arguments: MalformedRequest.targets)
    func refusesTarget(_ row: MalformedRequest) { check(row) }

    @Test("The header lines", arguments: MalformedRequest.fields)
    func refusesField(_ row: MalformedRequest) { check(row) }

    @Test("Host", arguments: MalformedRequest.hosts)
    func refusesHost(_ row: MalformedRequest) { check(row) }

    @Test("The framing of the body", arguments: MalformedRequest.framings)
    func refusesFraming(_ row: MalformedRequest) { check(row) }

    @Test("The chunks of the body", arguments: MalformedRequest.chunkedBodies)
    func refusesChunks(_ row: MalformedRequest) { check(row) }

    /// The same refusal for bytes that come at once and one by one, before any complete request, and for good.
    private func check(_ row: MalformedRequest) {
        let whole = RequestTranscript(row.bytes)
        #expect(whole.violation == row.violation)
        #expect(whole.violation?.status == row.status)
        #expect(!whole.messages.contains { $0.isComplete })
        #expect(RequestTranscript(row.bytes, pieces: [1]) == whole)
        #expect(RequestTranscript(row.bytes, pieces: [7, 3, 64]) == whole)
    }

    @Test("Every refusal is told in a sentence, with a status that the table of phrases knows")
    func reasonsAreSentences() {
        for row in MalformedRequest.all {
            #expect(row.violation.reason.hasSuffix("."))
            #expect(StatusPhrase.phrase(of: row.violation.status).utf8CodeUnitCount > 0)
            #expect(row.violation.problem.status == row.status)
        }
    }

    @Test("The list is long, and no two of it are the same bytes")
    func listIsLong() {
        #expect(Set(MalformedRequest.all.map(\.bytes)).count >= 290)
    }

    @Test("After a refusal the parser refuses whatever comes, for the same reason")
    func refusesForGood() throws {
        var parser = HTTP1RequestParser()
        for bytes in ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""] {
            var input = ByteBuffer(string: bytes)
            #expect(throws: HTTP1Violation.blankBeforeColon) { try parser.feed(&input) }
            #expect(!parser.keepsAlive)
        }
    }
}

extension MalformedRequest {
    static let all = requestLines + targets + fields + hosts + framings + chunkedBodies
}

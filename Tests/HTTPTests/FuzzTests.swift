import NIOCore
import Seeded
import Testing

@testable import HTTP

/// Mutants of the tables' rows. A failure names its seed, and one seed is one mutant.
@Suite("Mutated messages")
struct FuzzTests {
    private static let requests: [[UInt8]] =
        RequestParserTests.rows.map { Array($0.text.utf8) }.filter { $0.count < 2000 }
        + MalformedRequest.all.map(\.bytes).filter { $0.count < 2000 }
    private static let responses: [[UInt8]] =
        ResponseParserTests.rows.map { Array($0.text.utf8) }
        + ResponseParserTests.refusals.map { Array($0.text.utf8) }.filter { $0.count < 2000 && !$0.isEmpty }
    /// What parsers stumble over.
    private static let morsels: [[UInt8]] = [
        "\r\n", "\r", "\n", "\r\n\r\n", " ", "\t", ":", ";", ",", "\0", "0", "f", "chunked", "Content-Length: 1\r\n",
        "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "GET / HTTP/1.1\r\n", "0\r\n\r\n", "http://", "%", "*",
        "HTTP/1.0", "\u{7f}", "\u{ff}", "18446744073709551615", "Connection: upgrade\r\nUpgrade: x\r\n",
    ].map { Array($0.utf8) }
    /// Small, so that mutants reach the limits.
    private static let limits: HTTP1Limits = {
        var limits = HTTP1Limits()
        limits.requestLineBytes = 60
        limits.headerBytes = 120
        limits.fieldCount = 5
        limits.fieldNameBytes = 20
        limits.chunkExtensionBytes = 16
        limits.trailerBytes = 40
        return limits
    }()

    private static func mutant(of corpus: [[UInt8]], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = corpus.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 0..<12, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4: bytes.insert(contentsOf: morsels.randomElement(using: &random) ?? [], at: place)
            default: bytes += corpus.randomElement(using: &random) ?? []
            }
        }
        return Array(bytes.prefix(4000))
    }

    private static func sizes(_ random: inout SeededGenerator) -> [Int] {
        (0..<5).map { _ in Int.random(in: 1...(Bool.random(using: &random) ? 4 : 80), using: &random) }
    }

    @Test("Requests: cuts change nothing, and what is accepted keeps the rules", arguments: 0..<Search.rounds(20))
    func requests(block: Int) {
        for seed in block * 150..<(block + 1) * 150 {
            var random = SeededGenerator(seed: UInt64(seed))
            let bytes = Self.mutant(of: Self.requests, &random)
            for limits in [HTTP1Limits(), Self.limits] {
                let whole = RequestTranscript(bytes, limits: limits)
                let cut = RequestTranscript(bytes, pieces: Self.sizes(&random), limits: limits)
                guard whole == cut, whole.messages.allSatisfy(Self.isSound) else {
                    Issue.record("seed \(seed): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
                    return
                }
            }
        }
    }

    @Test("Responses: cuts change nothing, and what is accepted keeps the rules", arguments: 0..<Search.rounds(20))
    func responses(block: Int) {
        for seed in block * 100..<(block + 1) * 100 {
            var random = SeededGenerator(seed: UInt64(seed))
            let bytes = Self.mutant(of: Self.responses, &random)
            let method = Bool.random(using: &random) ? Method.get : .head
            for limits in [HTTP1Limits(), Self.limits] {
                let whole = ResponseTranscript(bytes, to: method, closes: true, limits: limits)
                let cut = ResponseTranscript(
                    bytes, to: method, closes: true, pieces: Self.sizes(&random), limits: limits)
                let isSound = whole.isComplete ? whole.violation == nil : whole.violation != nil
                guard whole == cut, isSound else {
                    Issue.record("seed \(seed): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
                    return
                }
            }
        }
    }

    @Test("Noise is refused or waited for", arguments: 0..<Search.rounds(10))
    func noise(block: Int) {
        for seed in block * 100..<(block + 1) * 100 {
            var random = SeededGenerator(seed: UInt64(seed) ^ 0xdead)
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let whole = RequestTranscript(bytes)
            #expect(whole == RequestTranscript(bytes, pieces: [1]), "seed \(seed)")
            #expect(whole.messages.isEmpty, "seed \(seed)")
            #expect(ResponseTranscript(bytes, closes: true).violation != nil, "seed \(seed)")
        }
    }

    /// What must hold of every request that is handed on, found by other means than the parser's own.
    private static func isSound(_ message: RequestTranscript.Message) -> Bool {
        let head = message.head
        let lengths = head.fields.all("content-length")
        let codings = head.fields.all("transfer-encoding")
        let framing: HTTP1BodyKind
        switch (lengths.count, codings.count) {
        case (0, 0): framing = .none
        case (1, 0):
            guard let length = Int(lengths[0].text), length >= 0, !lengths[0].text.hasPrefix("+") else { return false }
            framing = length == 0 ? .none : .length(length)
        case (0, 1) where codings[0].text.lowercased() == "chunked" && head.version == .http11: framing = .chunked
        default: return false
        }
        let hosts = head.fields.all("host")
        let hasHost = hosts.count == 1 && AuthorityRule.isValid(head.authority) && hosts[0] == head.authority
        let lacksHost = hosts.isEmpty && head.version == .http10
        let isTarget = TargetRule.isOriginForm(head.target) || head.method == .options && head.target.text == "*"
        let hasBody =
            switch framing {
            case .none: message.body.isEmpty
            case .length(let length): message.isComplete ? message.body.count == length : message.body.count <= length
            case .chunked, .untilClose: true
            }
        let areFieldsClean = head.fields.allSatisfy { name, value in
            name.allSatisfy(CharacterClass.isToken) && value.allSatisfy(CharacterClass.isFieldValue)
        }
        return framing == message.kind && (hasHost || lacksHost || head.authority.count > 0 && head.version == .http10)
            && isTarget && hasBody && areFieldsClean && head.method != .connect
    }
}

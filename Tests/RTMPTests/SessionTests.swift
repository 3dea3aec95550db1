import Cryptography
import NIOCore
import Testing

@testable import RTMP

@Suite struct SessionTests {
    private func publishing(_ limits: RTMPLimits = RTMPLimits(), name: String = "demo") -> Publisher {
        var publisher = Publisher()
        publisher.handshake()
        publisher.connect()
        publisher.command(.string("releaseStream"), .number(2), .null, .string(name))
        publisher.command(.string("FCPublish"), .number(3), .null, .string(name))
        publisher.command(.string("createStream"), .number(4), .null)
        publisher.publish(name)
        return publisher
    }

    @Test(arguments: [1, 2, 7, 100, 1_537, .max]) func aPublishIsGrantedInAnyFragmentation(piece: Int) {
        var listening = Listening()
        listening.receive(publishing().bytes, piece: piece)
        #expect(listening.requests.map(\.streamKey) == ["demo"])
        #expect(listening.requests.map(\.app) == ["live"])
        #expect(listening.close == nil)
        for word in ["NetConnection.Connect.Success", "NetStream.Publish.Start", "hvc1"] {
            #expect(listening.sent.contains(word))
        }
    }

    @Test func theKeyEndsAtItsQuery() {
        var listening = Listening()
        listening.receive(publishing(name: "key?token=a%20b&x=1").bytes)
        #expect(listening.requests.first?.streamKey == "key")
        #expect(listening.requests.first?.query == ["token": "a b", "x": "1"])
    }

    @Test(arguments: ["", "with space", "slash/key", String(repeating: "k", count: 129), "é"])
    func aKeyOutsideTheAlphabetIsRefused(key: String) {
        var listening = Listening()
        listening.receive(publishing(name: key).bytes)
        #expect(listening.requests.isEmpty)
        #expect(listening.close?.isViolation == false)
        #expect(listening.sent.contains("NetStream.Publish.BadName"))
    }

    @Test func aRefusalIsToldAndCloses() {
        var listening = Listening()
        listening.session.receive(publishing().bytes, at: listening.start, into: &listening.effects)
        listening.session.authorized(
            .refused(code: "NetStream.Publish.BadName", description: "No such key."), at: listening.start,
            into: &listening.effects)
        #expect(listening.close == .refused("No such key."))
        #expect(listening.sent.contains("No such key."))
    }

    @Test func transactionZeroIsNotAnswered() {
        // GStreamer sends these with transaction 0 and takes any _result for that of another call.
        var publisher = Publisher()
        publisher.handshake()
        publisher.connect()
        var before = Listening()
        before.receive(publisher.bytes)
        publisher.command(.string("releaseStream"), .number(0), .null, .string("demo"))
        publisher.command(.string("FCPublish"), .number(0), .null, .string("demo"))
        var after = Listening()
        after.receive(publisher.bytes)
        #expect(before.sent == after.sent)
    }

    @Test func oddDeleteStreamEndsThePublishAndAnotherMayFollow() {
        var publisher = publishing()
        publisher.command(.string("deleteStream"), .number(0), .null, .string("not a number"))
        publisher.publish("again")
        var listening = Listening()
        listening.receive(publisher.bytes)
        #expect(listening.requests.map(\.streamKey) == ["demo", "again"])
        #expect(listening.effects.contains(.unpublished))
        #expect(listening.close == nil)
    }

    @Test func wrappersOfAMF3AreTolerated() {
        var publisher = publishing()
        var data = ByteBuffer()
        for value: AMFValue in [
            .string("@setDataFrame"), .string("onMetaData"),
            .object([("width", .number(1280)), ("videocodecid", .number(7))]),
        ] { data.write(amf: value) }
        publisher.message(18, data, stream: 1)
        publisher.command(
            .string("onMetaData"), .object([("audiocodecid", .number(10))]), type: 15, stream: 1)
        var listening = Listening()
        listening.receive(publisher.bytes)
        let metadata = listening.effects.compactMap { if case .metadata(let value) = $0 { value } else { nil } }
        #expect(metadata.map(\.hasVideo) == [true, false])
        #expect(metadata.first?.width == 1280)
    }

    /// RTMP 1.0, 5.4.1: 1 to 2^31 - 1 bytes, of which 16 MiB are ever used.
    @Test(arguments: [1, 128, 65_536, 0xff_ffff, 0x7fff_ffff] as [UInt32]) func chunkSizesAreHonoured(size: UInt32) {
        var publisher = publishing()
        publisher.message(1, ByteBuffer(integer: size), lane: 2)
        publisher.chunkSize = Int(size)
        publisher.message(
            9, ByteBuffer(bytes: [0x17, 1, 0, 0, 0] + [UInt8](repeating: 5, count: 90_000)), lane: 6, stream: 1)
        var listening = Listening()
        listening.receive(publisher.bytes, piece: 4_000)
        #expect(listening.close == nil && listening.video.count == 1)
    }

    @Test(arguments: [0, 0x8000_0000, 0xffff_ffff] as [UInt32]) func chunkSizesThatRTMPDoesNotAllowAreRefusedByName(
        size: UInt32
    ) {
        var publisher = publishing()
        publisher.message(1, ByteBuffer(integer: size), lane: 2)
        var listening = Listening()
        listening.receive(publisher.bytes)
        #expect(listening.close == .chunkSizeOutOfRange(size))
        #expect(listening.close?.description.contains("\(size)") == true)
        #expect(listening.sent.contains("NetStream.Publish.Failed"))
        #expect(!listening.effects.contains(.unpublished))
    }

    /// Data is nothing that a publish needs: whatever it holds, the publish goes on, and what was left out is said.
    @Test func oddDataNeverEndsAPublish() {
        var name = ByteBuffer()
        name.write(amf: .string("onMetaData"))
        var nested = name
        for _ in 0..<5_000 { nested.writeBytes([3, 0, 1, 0x61]) }
        var torn = name
        torn.writeBytes([8, 0, 0, 0, 9, 0, 5, 0x77])
        var unknown = ByteBuffer()
        unknown.write(amf: .string("onTextData"))
        unknown.write(amf: .object([("text", .string("hello"))]))
        let odd = [
            ByteBuffer(bytes: [0x2f, 1, 2, 3]), nested, torn, ByteBuffer(), ByteBuffer(bytes: [2, 0xff, 0xff, 1]),
            ByteBuffer(repeating: 5, count: 40_000), unknown,
        ]
        for payload in odd {
            for type: UInt8 in [18, 15] {
                var publisher = publishing()
                publisher.message(type, payload, lane: 4, stream: 1)
                publisher.message(9, ByteBuffer(bytes: [0x17, 1, 0, 0, 0, 1, 2]), lane: 6, stream: 1)
                var listening = Listening()
                listening.receive(publisher.bytes)
                #expect(listening.close == nil && listening.video.count == 1, "\(payload)")
            }
        }
        var publisher = publishing()
        publisher.message(18, unknown, lane: 4, stream: 1)
        publisher.message(18, torn, lane: 4, stream: 1)
        var listening = Listening()
        listening.receive(publisher.bytes)
        let faults = listening.effects.compactMap { if case .fault(let fault) = $0 { fault.cause } else { nil } }
        #expect(faults == ["unknown_message", "malformed_data"])
    }

    @Test func playingIsRefusedClearly() {
        var publisher = Publisher()
        publisher.handshake()
        publisher.connect()
        publisher.command(.string("play"), .number(4), .null, .string("demo"), stream: 1)
        var listening = Listening()
        listening.receive(publisher.bytes)
        #expect(listening.sent.contains("NetStream.Play.Failed"))
    }

    @Test func eachDeadlineHasItsReason() {
        let limits = RTMPLimits()
        var silent = Listening()
        silent.session.tick(at: silent.start + limits.handshakeTimeout, into: &silent.effects)
        #expect(silent.close == .handshakeTimedOut)

        var idle = Listening()
        var publisher = Publisher()
        publisher.handshake()
        idle.receive(publisher.bytes)
        // One deadline for the whole way to a publish, whatever steps are taken.
        idle.session.tick(at: idle.start + limits.handshakeTimeout - .milliseconds(1), into: &idle.effects)
        #expect(idle.close == nil)
        idle.session.tick(at: idle.start + limits.handshakeTimeout, into: &idle.effects)
        #expect(idle.close == .notPublishedInTime)

        var dead = Listening()
        dead.receive(publishing().bytes)
        #expect(dead.session.nextDeadline == dead.start + limits.idleTimeout)
        dead.session.tick(at: dead.start + limits.idleTimeout, into: &dead.effects)
        #expect(dead.close == .silent(for: limits.idleTimeout))
        // The publisher has not ended its publish: it is lost, and may come back.
        #expect(!dead.effects.contains(.unpublished))
    }

    @Test func whatIsTooMuchEndsTheConnection() {
        var deep = Publisher()
        deep.handshake()
        var bomb = ByteBuffer()
        bomb.write(amf: .string("connect"))
        bomb.write(amf: .number(1))
        // 10,000 levels fit the limit of a command's size; the depth is refused long before.
        for _ in 0..<10_000 { bomb.writeBytes([3, 0, 1, 0x61]) }
        deep.message(20, bomb)
        var listening = Listening()
        listening.receive(deep.bytes)
        #expect(listening.close == .nestingTooDeep(limit: 32))

        var large = Publisher()
        large.handshake()
        large.message(20, ByteBuffer(repeating: 0, count: 70_000))
        listening = Listening()
        listening.receive(large.bytes)
        #expect(listening.close == .messageTooLarge(bytes: 70_000, limit: 65_536))

        var http = Listening()
        http.receive(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        #expect(http.close == .unsupportedVersion(0x47))
    }

    @Test func aHundredThousandLevelsOfAMFAreRefused() {
        var limits = RTMPLimits()
        limits.commandBytes = 1 << 20
        var publisher = Publisher()
        publisher.handshake()
        var bomb = ByteBuffer()
        bomb.write(amf: .string("connect"))
        for _ in 0..<100_000 { bomb.writeBytes([10, 0, 0, 0, 1]) }
        publisher.message(20, bomb)
        var listening = Listening(limits)
        listening.receive(publisher.bytes)
        #expect(listening.close == .nestingTooDeep(limit: 32))
    }

    @Test func theDigestHandshakeIsSigned() throws {
        var c1 = [UInt8](repeating: 5, count: 1_536)
        c1.replaceSubrange(0..<8, with: [0, 0, 0, 0, 9, 0, 124, 2])
        let offset = 12 + (c1[8..<12].reduce(0) { $0 + Int($1) }) % 728
        let digest = HMACSHA256.code(
            key: HandshakeDigest.clientKey, message: Array(c1[..<offset] + c1[(offset + 32)...]))
        c1.replaceSubrange(offset..<offset + 32, with: digest)
        var listening = Listening()
        listening.receive(ByteBuffer(bytes: [3] + c1))
        guard case .send(let reply)? = listening.effects.first else { return #expect(Bool(false), "no reply") }
        let bytes = Array(reply.readableBytesView)
        #expect(bytes.count == 1 + 2 * 1_536)
        let s2 = Array(bytes[(1 + 1_536)...])
        let key = HMACSHA256.code(key: HandshakeDigest.serverKey, message: digest)
        #expect(Array(s2[1_504...]) == HMACSHA256.code(key: key, message: Array(s2[..<1_504])))
    }
}

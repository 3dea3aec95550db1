import NIOCore
import Testing

@testable import RTMP

/// Our publisher's side and our server's, bytes passed between them in pieces of any size.
@Suite struct OutgoingPublishTests {
    private struct Line {
        var publisher = OutgoingPublish(app: "live", streamKey: "demo", url: "rtmp://h/live")
        var server = Listening()
        var told: [OutgoingPublish.Effect] = []

        mutating func carry(toServer bytes: ByteBuffer, piece: Int, verdict: PublishVerdict) {
            var pending = [bytes]
            while !pending.isEmpty {
                var rest = pending.removeFirst()
                while rest.readableBytes > 0, let next = rest.readSlice(length: min(piece, rest.readableBytes)) {
                    let before = server.effects.count
                    server.session.receive(next, at: server.start, into: &server.effects)
                    if case .authorize? = server.effects.last {
                        server.session.authorized(verdict, at: server.start, into: &server.effects)
                    }
                    for case .send(var answer) in server.effects[before...] {
                        while answer.readableBytes > 0,
                            let part = answer.readSlice(length: min(piece, answer.readableBytes))
                        {
                            var effects: [OutgoingPublish.Effect] = []
                            publisher.receive(part, into: &effects)
                            for effect in effects {
                                if case .send(let more) = effect { pending.append(more) } else { told.append(effect) }
                            }
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 3, 128, .max]) func aPublishIsAcceptedAndItsMediaArrives(piece: Int) {
        var line = Line()
        line.carry(toServer: line.publisher.start(), piece: piece, verdict: .accepted)
        #expect(line.told == [.accepted])
        #expect(line.server.requests.map(\.streamKey) == ["demo"])
        // Keyframe, AVC NAL units, no composition offset, one large NAL unit: longer than the server's first chunk size.
        var payload = ByteBuffer(bytes: [0x17, 1, 0, 0, 0])
        payload.writeRepeatingByte(0x41, count: 5_000)
        let bytes = line.publisher.message(type: 9, timestamp: 0x0100_0002, payload: payload)
        line.carry(toServer: bytes, piece: piece, verdict: .accepted)
        #expect(line.server.video.count == 1)
        #expect(line.server.close == nil)
        line.carry(toServer: line.publisher.end(), piece: piece, verdict: .accepted)
        #expect(line.server.effects.contains(.unpublished))
    }

    @Test func aRefusalComesWithItsReason() {
        var line = Line()
        line.carry(
            toServer: line.publisher.start(), piece: .max,
            verdict: .refused(code: "NetStream.Publish.BadName", description: "No such key."))
        #expect(line.told == [.refused("No such key.")])
    }

    @Test func anAnswerThatIsNoRTMPEndsIt() {
        var publisher = OutgoingPublish(app: "live", streamKey: "demo", url: "rtmp://h/live")
        var effects: [OutgoingPublish.Effect] = []
        var bytes = ByteBuffer(bytes: [3])
        bytes.writeRepeatingByte(0, count: 2 * Handshake.blockBytes)
        publisher.receive(bytes, into: &effects)
        effects = []
        publisher.receive(ByteBuffer(repeating: 0xFF, count: 4_000), into: &effects)
        guard case .refused? = effects.last else {
            Issue.record("not ended: \(effects)")
            return
        }
    }
}

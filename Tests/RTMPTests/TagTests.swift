import NIOCore
import Seeded
import Testing

@testable import RTMP

@Suite struct TagTests {
    private func video(_ bytes: [UInt8]) -> [VideoTag] {
        TagReader.video(RTMPMessage(type: 9, stream: 1, timestamp: 7, payload: ByteBuffer(bytes: bytes))).tags
    }
    private func audio(_ bytes: [UInt8]) -> [AudioTag] {
        TagReader.audio(RTMPMessage(type: 8, stream: 1, timestamp: 7, payload: ByteBuffer(bytes: bytes))).tags
    }
    private static let body: [UInt8] = [0xaa, 0xbb]

    @Test(
        arguments: [
            ([0x17, 0, 0, 0, 0], VideoTagCodec.h264, VideoTag.Kind.configuration(ByteBuffer(bytes: body))),
            ([0x27, 1, 0, 0, 80], .h264, .frame(ByteBuffer(bytes: body), compositionOffsetMilliseconds: 80)),
            ([0x27, 1, 0xff, 0xff, 0xff], .h264, .frame(ByteBuffer(bytes: body), compositionOffsetMilliseconds: -1)),
            ([0x1c, 1, 0, 0, 0], .hevc, .frame(ByteBuffer(bytes: body), compositionOffsetMilliseconds: 0)),
            ([0x90] + Array("hvc1".utf8), .hevc, .configuration(ByteBuffer(bytes: body))),
            (
                [0x91] + Array("hvc1".utf8) + [0, 0, 40], .hevc,
                .frame(ByteBuffer(bytes: body), compositionOffsetMilliseconds: 40)
            ),
            ([0x93] + Array("hvc1".utf8), .hevc, .frame(ByteBuffer(bytes: body), compositionOffsetMilliseconds: 0)),
            ([0x91] + Array("av01".utf8), .av1, .frame(ByteBuffer(bytes: body), compositionOffsetMilliseconds: 0)),
            (
                [0x91] + Array("vp09".utf8), .other("vp09"),
                .frame(ByteBuffer(bytes: body), compositionOffsetMilliseconds: 0)
            ),
        ] as [([UInt8], VideoTagCodec, VideoTag.Kind)])
    func videoTags(head: [UInt8], codec: VideoTagCodec, kind: VideoTag.Kind) {
        let tags = video(head + Self.body)
        #expect(tags.map(\.codec) == [codec])
        #expect(tags.map(\.kind) == [kind])
        #expect(tags.map(\.timestamp) == [7])
    }

    @Test func oneTrackOfAMultitrackPacket() {
        // Multitrack, one track, coded frames without composition time, track 3.
        let tags = video([0x96, 0x03] + Array("hvc1".utf8) + [3] + Self.body)
        #expect(tags.map(\.trackID) == [3])
        #expect(tags.map(\.kind) == [.frame(ByteBuffer(bytes: Self.body), compositionOffsetMilliseconds: 0)])
    }

    @Test func manyTracksWithACodecEach() {
        let track: (String, UInt8) -> [UInt8] = { Array($0.utf8) + [$1, 0, 0, 2] + Self.body }
        let tags = video([0x96, 0x23] + track("avc1", 0) + track("av01", 1))
        #expect(tags.map(\.codec) == [.h264, .av1])
        #expect(tags.map(\.trackID) == [0, 1])
    }

    @Test func nanosecondsComeBeforeThePacket() {
        // ModEx, three bytes, of type 0 (nanoseconds), then coded frames without composition time.
        let tags = video([0x97, 2, 0, 1, 0, 0x03] + Array("avc1".utf8) + Self.body)
        #expect(tags.map(\.nanosecondOffset) == [256])
        #expect(tags.map(\.codec) == [.h264])
    }

    @Test func audioTags() {
        #expect(audio([0xaf, 0] + Self.body).map(\.kind) == [.configuration(ByteBuffer(bytes: Self.body))])
        #expect(audio([0xaf, 1] + Self.body).map(\.kind) == [.frame(ByteBuffer(bytes: Self.body))])
        let opus = audio([0x91] + Array("Opus".utf8) + Self.body)
        #expect(opus.map(\.codec) == [.opus])
        #expect(opus.map(\.kind) == [.frame(ByteBuffer(bytes: Self.body))])
        #expect(audio([0x2f, 1]).map(\.codec) == [.other("id 2")])
    }

    /// What cannot be read is said, and what was read before it holds.
    @Test func faultsAreNamed() {
        let video = { (bytes: [UInt8]) in
            TagReader.video(RTMPMessage(type: 9, stream: 1, timestamp: 7, payload: ByteBuffer(bytes: bytes)))
        }
        #expect(video([0x17, 1]).fault == .truncated)
        #expect(video([0x17, 9, 0, 0, 0]).fault == .packetType(9))
        #expect(video([0x96, 0x73] + Array("avc1".utf8)).fault == .arrangement(7))
        let many: [UInt8] = (0..<17).flatMap { [UInt8($0), 0, 0, 1, 0xaa] as [UInt8] }
        let reading = video([0x96, 0x13] + Array("avc1".utf8) + many)
        #expect(reading.tags.count == 16 && reading.fault == .tooManyTracks(limit: 16))
        // A command, and colour metadata, carry no media and are no fault.
        for bytes: [UInt8] in [[0x57, 1], [0x94] + Array("hvc1".utf8) + [1, 2]] {
            #expect(video(bytes).tags.isEmpty && video(bytes).fault == nil)
        }
        let sound = TagReader.audio(
            RTMPMessage(type: 8, stream: 1, timestamp: 7, payload: ByteBuffer(bytes: [0xaf, 7])))
        #expect(sound.tags.isEmpty && sound.fault == .packetType(7))
    }

    @Test(
        arguments: [(2, "MP3"), (11, "Speex"), (5, "Nellymoser"), (7, "G.711 A-law")] as [(UInt8, String)])
    func soundThatIsNotPackagedHasAName(id: UInt8, name: String) {
        #expect(audio([id << 4 | 0x0f, 1, 2]).map(\.codec.name) == [name])
    }

    @Test(arguments: [(2, "Sorenson H.263 (FLV1)"), (4, "VP6"), (3, "Screen Video")] as [(UInt8, String)])
    func picturesThatAreNotPackagedHaveAName(id: UInt8, name: String) {
        #expect(video([0x10 | id, 1, 2]).map(\.codec.name) == [name])
        #expect(video([0x91] + Array("vp09".utf8) + [1]).map(\.codec.name) == ["VP9"])
    }

    /// Seeded mutants of every message and session above: nothing traps, and what ends a connection has a reason.
    @Test func mutantsNeverTrap() {
        var random = SplitMix(state: 20_261_123)
        var publisher = Publisher()
        publisher.handshake()
        publisher.connect()
        publisher.command(.string("createStream"), .number(4), .null)
        publisher.publish()
        publisher.message(
            9, ByteBuffer(bytes: [0x17, 1, 0, 0, 0] + [UInt8](repeating: 5, count: 400)), lane: 6, stream: 1)
        publisher.message(8, ByteBuffer(bytes: [0xaf, 1, 1, 2, 3]), lane: 4, stream: 1)
        publisher.message(
            9, ByteBuffer(bytes: [0x96, 0x23] + Array("avc1".utf8) + [0, 0, 0, 2, 1, 2]), lane: 6, stream: 1)
        publisher.message(
            22, ByteBuffer(bytes: [9, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x17, 2, 0, 0, 0, 13]), lane: 6, stream: 1)
        let seed = Array(publisher.bytes.readableBytesView)
        for _ in 0..<Search.rounds(1_500) {
            var mutant = seed
            for _ in 0..<Int(random.next() % 6 + 1) {
                let place = Int(random.next() % UInt64(mutant.count))
                // Most of the damage after the handshake, where the parsers are.
                let index =
                    random.next() % 8 == 0 ? place : min(mutant.count - 1, 3_073 + place % max(1, mutant.count - 3_073))
                switch random.next() % 4 {
                case 0: mutant[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: mutant[index] ^= 1 << UInt8(random.next() % 8)
                case 2: mutant.remove(at: index)
                default: mutant.insert(0xff, at: index)
                }
            }
            var listening = Listening()
            listening.receive(ByteBuffer(bytes: mutant), piece: Int(random.next() % 3_000 + 1))
            if let reason = listening.close { #expect(!reason.description.isEmpty) }
        }
    }
}

import NIOCore
import Testing

@testable import HLS

/// 4.4.6: the multivariant playlist.
struct MultivariantPlaylistTests {
    static let playlist: MultivariantPlaylist = {
        var playlist = MultivariantPlaylist()
        playlist.independentSegments = true
        playlist.audio = [
            AudioRendition(
                group: "audio", name: "Main", uri: "audio/playlist.m3u8", channels: 2, language: "en", isDefault: true),
            AudioRendition(group: "audio", name: "Inband", uri: nil, channels: nil, isDefault: false),
        ]
        playlist.variants = [
            Variant(
                bandwidth: 2_500_000, averageBandwidth: 2_000_000, codecs: ["avc1.64001f", "mp4a.40.2"], width: 1_280,
                height: 720, frameRate: 29.97, uri: "video/playlist.m3u8", audioGroup: "audio"),
            Variant(
                bandwidth: 128_000, averageBandwidth: nil, codecs: [], width: nil, height: nil, frameRate: nil,
                uri: "audio/playlist.m3u8", audioGroup: nil),
        ]
        return playlist
    }()

    private func text(_ playlist: MultivariantPlaylist) -> String {
        var buffer = ByteBuffer()
        playlist.write(into: &buffer)
        return String(buffer: buffer)
    }

    @Test("4.4.6: the text, tag by tag")
    func golden() {
        #expect(
            text(Self.playlist) == """
                #EXTM3U
                #EXT-X-VERSION:6
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,\
                CHANNELS="2",URI="audio/playlist.m3u8"
                #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Inband",DEFAULT=NO,AUTOSELECT=YES
                #EXT-X-STREAM-INF:BANDWIDTH=2500000,AVERAGE-BANDWIDTH=2000000,CODECS="avc1.64001f,mp4a.40.2",\
                RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"
                video/playlist.m3u8
                #EXT-X-STREAM-INF:BANDWIDTH=128000
                audio/playlist.m3u8

                """)
    }

    @Test("4.4.6: what is written is read back")
    func roundTrip() throws {
        #expect(try MultivariantPlaylist(parsing: text(Self.playlist).utf8) == Self.playlist)
    }

    @Test("4.2: a quoted string cannot be left", arguments: ["a\"b", "a\nb", "a\r\nb"])
    func quotes(name: String) throws {
        var playlist = MultivariantPlaylist()
        playlist.audio = [AudioRendition(group: "g", name: name, uri: "u", channels: nil, isDefault: true)]
        #expect(try MultivariantPlaylist(parsing: text(playlist).utf8).audio.map(\.name) == ["ab"])
    }

    @Test(
        "4.4.6.2: frame rates have three decimals",
        arguments: [
            (24.0, "24.000"), (23.976, "23.976"), (30_000.0 / 1_001, "29.970"), (59.9401, "59.940"), (.nan, "0.000"),
            (-5, "0.000"), (0.05, "0.050"),
        ])
    func frameRates(rate: Double, written: String) {
        var playlist = MultivariantPlaylist()
        playlist.variants = [
            Variant(
                bandwidth: 1, averageBandwidth: nil, codecs: [], width: nil, height: nil, frameRate: rate, uri: "u",
                audioGroup: nil)
        ]
        #expect(text(playlist).contains(",FRAME-RATE=\(written)\n"))
    }

    @Test("4.4.6.2: VIDEO-RANGE and CLOSED-CAPTIONS, as they are written and as they are read")
    func rangesAndCaptions() throws {
        var playlist = MultivariantPlaylist()
        playlist.variants = [
            Variant(
                bandwidth: 1, averageBandwidth: nil, codecs: [], width: nil, height: nil, frameRate: nil, uri: "u",
                audioGroup: nil, videoRange: "PQ", captions: Variant.Captions.none)
        ]
        #expect(text(playlist).contains("#EXT-X-STREAM-INF:BANDWIDTH=1,VIDEO-RANGE=PQ,CLOSED-CAPTIONS=NONE\n"))
        #expect(try MultivariantPlaylist(parsing: text(playlist).utf8) == playlist)
        // What a playlist may not say is kept, to be judged.
        let foreign = try MultivariantPlaylist(
            parsing: """
                #EXTM3U
                #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="English",INSTREAM-ID="CC1"
                #EXT-X-STREAM-INF:BANDWIDTH=1,CLOSED-CAPTIONS="cc",VIDEO-RANGE="PQ"
                a.m3u8
                #EXT-X-STREAM-INF:BANDWIDTH=1,CLOSED-CAPTIONS=NO,VIDEO-RANGE=HDR
                b.m3u8
                """.utf8)
        #expect(foreign.captions.map(\.group) == ["cc"])
        #expect(foreign.variants.map(\.captions) == [.group("cc"), .other("NO")])
        #expect(foreign.variants.map(\.videoRange) == ["\"PQ\"", "HDR"])
    }

    @Test("4.4.6: other kinds of renditions and tags are passed over, blank lines and comments too")
    func liberal() throws {
        let playlist = try MultivariantPlaylist(
            parsing: """
                #EXTM3U
                #EXT-X-CONTENT-STEERING:SERVER-URI="/steering"
                #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",URI="s.m3u8"
                #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Atmos",CHANNELS="16/JOC",URI="a.m3u8"
                #EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID="east"

                # the URI follows
                v.m3u8
                """.utf8)
        #expect(playlist.audio.map(\.channels) == [16])
        #expect(playlist.variants.map(\.uri) == ["v.m3u8"])
    }

    @Test(
        "4.4.6: a mistake is told with its line",
        arguments: [
            ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "line 2: the URI after #EXT-X-STREAM-INF is missing."),
            ("#EXTM3U\nv.m3u8\n", "line 2: a URI without #EXT-X-STREAM-INF before it."),
            (
                "#EXTM3U\n#EXT-X-STREAM-INF:CODECS=\"a\"\nv\n",
                "line 2: #EXT-X-STREAM-INF needs the attribute BANDWIDTH."
            ),
            (
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-VERSION:6\nv\n",
                "line 3: #EXT-X-VERSION stands between #EXT-X-STREAM-INF and its URI."
            ),
            (
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1280\nv\n",
                "line 2: #EXT-X-STREAM-INF has \"1280\" where it needs a resolution for RESOLUTION."
            ),
            ("#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a\"\n", "line 2: #EXT-X-MEDIA needs the attribute GROUP-ID."),
            (
                "#EXTM3U\n#EXT-X-TARGETDURATION:4\n",
                "line 2: #EXT-X-TARGETDURATION belongs to the other kind of playlist, media or multivariant."
            ),
            (
                "#EXTM3U\n" + String(repeating: "#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n", count: 1_001),
                "line 2003: more than 1000 variants."
            ),
        ])
    func mistakes(text: String, sentence: String) {
        let error = #expect(throws: PlaylistError.self) { try MultivariantPlaylist(parsing: text.utf8) }
        #expect(error?.description == sentence)
    }
}

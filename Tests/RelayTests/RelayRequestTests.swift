import HLS
import HTTP
import Relay
import Testing

/// A subscription's URL, read and written.
@Suite struct RelayRequestTests {
    @Test func whatIsWrittenIsReadBack() throws {
        var request = RelayRequest(channel: "demo")
        request.wants["audio"] = .some(nil)
        request.wants["video"] = .init(epoch: "k3x", position: MediaPosition(sequence: 1_234, part: 5))
        #expect(request.target.text == "/relay/v1/demo?audio=&video=k3x.1234.5")
        #expect(try #require(RelayRequest(RequestHead(target: request.target))) == request)
    }

    @Test(arguments: [
        "/relay/v1/", "/relay/v1/a/b", "/relay/v1/de%20mo", "/relay/v1/demo?video=a.b.c", "/relay/v1/demo?video=e.1",
        "/relay/v1/demo?video=e.1.2.3", "/relay/v1/demo?video=&video=", "/relay/v1/demo?vi%2Fdeo=",
        "/relay/v1/demo?video=e.-1.2", "/relay/v1/demo?video=e.1111111111111111111.2", "/live/demo/index.m3u8",
    ])
    func nothingElseIsRead(target: String) {
        #expect(RelayRequest(RequestHead(target: HTTPBytes(target))) == nil)
    }

    @Test(arguments: [
        ("/live/demo/index.m3u8", LiveTarget.multivariant),
        ("/live/demo/video/playlist.m3u8", .playlist(rendition: "video")),
        ("/live/demo/video/e1/init.mp4", .media(rendition: "video", epoch: "e1", .initSection(0))),
        ("/live/demo/video/e1/7.m4s", .media(rendition: "video", epoch: "e1", .segment(7))),
        ("/live/demo/video/e1/7.0.m4s", .media(rendition: "video", epoch: "e1", .part(7, 0))),
    ])
    func targetsOfTheLivePathsAreRead(path: String, target: LiveTarget) throws {
        let read = try #require(LiveTarget.read(path: HTTPBytes(path)))
        #expect(read.channel == "demo" && read.target == target)
    }

    @Test(arguments: [
        "/live/demo", "/live//index.m3u8", "/live/demo/other.m3u8", "/live/demo/video/e1/007.m4s", "/live/demo/a/b/c/d",
        "/vod/demo/index.m3u8", "/live/demo/../index.m3u8",
    ])
    func otherPathsAreNobodysTarget(path: String) {
        #expect(LiveTarget.read(path: HTTPBytes(path)) == nil)
    }
}

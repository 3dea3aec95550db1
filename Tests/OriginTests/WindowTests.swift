import HLS
import NIOCore
import Testing

@testable import Origin

/// Long windows: what is answered, and what of it is made anew.
@Suite struct WindowTests {
    private let path = "/live/demo/video/playlist.m3u8"

    @Test("6.2.5.1, B.1: a quarter of an hour, whole, as a delta and gzipped, is the same in all its forms")
    func quarter() throws {
        let origin = try LiveOrigin(window: .seconds(900))
        origin.publish.track()
        origin.publish.add(460)
        origin.publish.open(parts: 2)
        let client = try origin.connect()
        for _ in 0..<3 {
            let full = try #require(try client.get(path))
            #expect(full.text.split(separator: "\n").filter { $0.hasPrefix("#EXTINF") }.count >= 450)
            let zipped = try #require(try client.get(path, fields: ["accept-encoding: gzip"]))
            #expect(try Gunzip.text(zipped.body) == full.text)
            let delta = try #require(try client.get("\(path)?_HLS_skip=YES"))
            #expect(delta.text.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS="))
            #expect(try client.get("\(path)?_HLS_skip=v2")?.text == delta.text)
            let zippedDelta = try #require(try client.get("\(path)?_HLS_skip=YES", fields: ["accept-encoding: gzip"]))
            #expect(try Gunzip.text(zippedDelta.body) == delta.text)
            #expect(delta.body.readableBytes * 10 < full.body.readableBytes)
            #expect(zipped.body.readableBytes * 5 < full.body.readableBytes)
            origin.publish.part()
            origin.publish.part()
            origin.publish.close()
            origin.publish.open(parts: 2)
        }
    }

    @Test("Text is made at most once for a state, and compressed stretches are kept from state to state")
    func once() throws {
        let origin = try LiveOrigin(window: .seconds(900))
        origin.publish.track()
        origin.publish.add(460)
        origin.publish.open(parts: 1)
        let presentation = try #require(origin.presentation)
        let rendition = try #require(presentation.rendition(of: .video))
        let form = PlaylistForm(skip: nil, isGzipped: true)
        func slices() throws -> [ByteBuffer] {
            guard case .slices(let slices) = presentation.playlist(form, of: rendition) else { return [] }
            return slices
        }
        let first = try slices()
        #expect(first.count > 4)
        #expect(zip(first, try slices()).allSatisfy(isShared))
        origin.publish.part()
        // The head of gzip, that of the playlist, its live part and the checksum are new.
        let next = try slices()
        #expect(next.count == first.count)
        #expect(zip(first, next).map(isShared).filter { !$0 }.count == 4)
    }

    private func isShared(_ a: ByteBuffer, _ b: ByteBuffer) -> Bool {
        a.withUnsafeReadableBytes { $0.baseAddress } == b.withUnsafeReadableBytes { $0.baseAddress }
    }
}

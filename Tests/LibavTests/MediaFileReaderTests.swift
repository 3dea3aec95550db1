import Foundation
import Libav
import Testing

/// A real clip, and files that are none.
@Suite struct MediaFileReaderTests {
    /// Fetched by `./dev test`.
    static let clip = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(".needletail/media/bigbuckbunny.mp4").path

    @Test func tracksAndPacketsOfARealClip() throws {
        let reader = try MediaFileReader(path: Self.clip)
        let video = try #require(reader.tracks.first { $0.kind == .video })
        let audio = try #require(reader.tracks.first { $0.kind == .audio })
        #expect(video.codec == .h264 && video.width == 1_280 && video.height == 720)
        #expect(audio.codec == .aac && audio.sampleRate == 48_000 && audio.channels == 6)
        #expect(video.configuration.getInteger(at: 0, as: UInt8.self) == 1, "avcC, version 1")
        for _ in 0..<2 {
            var counts = [0, 0]
            var last = [Int64.min, Int64.min]
            var isFirstKey: Bool?
            while let packet = try reader.next() {
                guard packet.track == video.index || packet.track == audio.index else { continue }
                let lane = packet.track == video.index ? 0 : 1
                if lane == 0 { isFirstKey = isFirstKey ?? packet.isKey }
                #expect(packet.decodeTime > last[lane])
                #expect(packet.presentationTime >= packet.decodeTime)
                #expect(packet.bytes.readableBytes > 0)
                last[lane] = packet.decodeTime
                counts[lane] += 1
            }
            #expect(isFirstKey == true)
            #expect(counts[0] == 132 && counts[1] > 200, "\(counts)")
            try reader.rewind()
        }
    }

    @Test func filesThatAreNone() throws {
        #expect(throws: LibavError.self) { try MediaFileReader(path: "/nonexistent.mp4") }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).mp4")
        try Data(repeating: 0x41, count: 4_000).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        #expect(throws: LibavError.self) { try MediaFileReader(path: path.path) }
    }
}

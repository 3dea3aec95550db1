import Foundation
import Harness
import Testing

/// Players and encoders as people have them, which forgive less than ours do.
extension EndToEnd {
    @Suite(.serialized) struct PlayerTests {
        /// One after the other on one stream: each decodes both tracks its own way, and complains its own way.
        @Test func pictureAndSoundAdvanceInEveryPlayer() throws {
            let fleet = try Fleet()
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForSegments("video", count: 2)
            let page = "http://127.0.0.1:\(fleet.edgePort)/watch/demo"
            let playlist = "http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8"
            let players: [() throws -> any Player] = [
                { try Firefox(playing: page, in: fleet.directory) },
                { try GStreamer(playing: playlist, in: fleet.directory) },
                { try VLC(playing: playlist, in: fleet.directory) },
                { try MPV(playing: playlist, in: fleet.directory) },
            ]
            for start in players {
                do {
                    try judge(try start())
                } catch {
                    Issue.record("\(error)")
                }
            }
        }

        private func judge(_ player: any Player) throws {
            let first = try played(by: player) { $0.picture > 0 && $0.sound > 0 }
            // Two seconds of the picture, and more than one of the sound.
            _ = try played(by: player) { $0.picture >= first.picture + 60 && $0.sound >= first.sound + 60 }
            let complaints = try player.complaints()
            #expect(complaints.isEmpty, "\(player.name): \(complaints)")
        }

        @Test func obsPublishes() throws {
            let fleet = try Fleet()
            let clip = fleet.directory.appendingPathComponent("clip.mp4")
            let made = try run(
                "ffmpeg",
                ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-f", "lavfi", "-i", "sine"]
                    + Fleet.x264 + ["-c:a", "aac", "-t", "4", clip.path])
            #expect(made.status == 0, "\(made.errors)")
            let obs = try OBSStudio(
                publishing: clip, to: "rtmp://127.0.0.1:\(fleet.rtmpPort)/live", key: "demo", in: fleet.directory)
            defer { obs.stop() }
            let multivariant = try fleet.waitForChannel()
            #expect(multivariant.contains("avc1.") && multivariant.contains("mp4a.40.2"), "\(multivariant)")
            #expect(multivariant.contains("RESOLUTION=320x180") && multivariant.contains("FRAME-RATE=30.000"))
            for rendition in ["video", "audio"] { _ = try fleet.waitForSegments(rendition, count: 2) }
            // What it plays is what comes out: a picture that moves and is not black, a tone that is not silence.
            let decoded = try run(
                "ffmpeg",
                [
                    "-v", "info", "-i", "http://127.0.0.1:\(fleet.edgePort)/live/demo/index.m3u8", "-t", "2",
                    "-filter_complex", "[0:v]blackframe=amount=0[picture];[0:a]volumedetect[sound]", "-map",
                    "[picture]", "-map", "[sound]", "-f", "null", "-",
                ])
            #expect(decoded.status == 0, "\(decoded.errors)")
            let blacks = decoded.errors.matches(of: /pblack:(\d+)/).compactMap { Int($0.1) }
            #expect(blacks.count > 45 && blacks.suffix(10).allSatisfy { $0 < 50 }, "\(blacks)")
            let volume = decoded.errors.firstMatch(of: /mean_volume: (-?[\d.]+) dB/).flatMap { Double($0.1) }
            #expect((volume ?? -91) > -40, "\(decoded.errors)")
        }

        private func played(by player: any Player, until isEnough: (PlayedFrames) -> Bool) throws -> PlayedFrames {
            var last: PlayedFrames?
            return try eventually(
                "\(player.name) plays on after \(last.map { "\($0)" } ?? "nothing"): \((try? player.complaints()) ?? [])",
                within: 30
            ) {
                last = try player.played()
                return last.flatMap { isEnough($0) ? $0 : nil }
            }
        }
    }
}

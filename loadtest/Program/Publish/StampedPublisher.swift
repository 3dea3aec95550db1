import Foundation
import Harness

/// Feeds ffmpeg with stamped pictures at real time, and ffmpeg publishes them.
final class StampedPublisher {
    private let encoder: ChildProcess
    private let feed: PictureFeed

    /// Starts at once. Pictures are 720p at 30 a second; sound is a tone.
    init(port: Int, key: String, directory: URL) throws {
        let encoder = try ChildProcess(
            "ffmpeg",
            [
                "-hide_banner", "-loglevel", "warning", "-probesize", "32", "-analyzeduration", "0", "-f", "rawvideo",
                "-pix_fmt", "yuv420p", "-s", "1280x720", "-r", "30", "-i", "-", "-f", "lavfi", "-i",
                "sine=sample_rate=48000", "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-b:v",
                "2500k", "-g", "60", "-c:a", "aac", "-flush_packets", "1", "-f", "flv",
                "rtmp://127.0.0.1:\(port)/live/\(key)",
            ], in: directory, name: "stamped", takesInput: true)
        self.encoder = encoder
        feed = PictureFeed(
            width: 1_280, height: 720, rate: 30, to: encoder.input?.fileDescriptor ?? -1)
    }

    func stop() {
        feed.stop()
        encoder.stop()
    }
}

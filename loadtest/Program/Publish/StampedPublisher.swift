import Foundation
import Harness

/// Feeds ffmpeg with stamped pictures at real time, and ffmpeg publishes them.
final class StampedPublisher {
    private let encoder: ChildProcess
    private let thread: Thread

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
        let descriptor = encoder.input?.fileDescriptor ?? -1
        thread = Thread {
            var picture = StampedPicture(width: 1_280, height: 720)
            let start = Date().timeIntervalSince1970
            var frame = 0
            while !Thread.current.isCancelled {
                let due = start + Double(frame) / 30
                let wait = due - Date().timeIntervalSince1970
                if wait > 0 { Thread.sleep(forTimeInterval: wait) }
                let planes = picture.draw(
                    milliseconds: Int64(Date().timeIntervalSince1970 * 1_000), frame: frame)
                let isWritten = planes.withUnsafeBytes { bytes in
                    var rest = bytes[...]
                    while !rest.isEmpty {
                        let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                        if count <= 0 { return false }
                        rest = rest.dropFirst(count)
                    }
                    return true
                }
                if !isWritten { return }
                frame += 1
            }
        }
        thread.start()
    }

    func stop() {
        thread.cancel()
        encoder.stop()
    }
}

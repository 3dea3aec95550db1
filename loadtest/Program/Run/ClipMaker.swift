import Foundation
import Harness
import LoadtestCore

/// Encodes the clip of a group of publishers, once.
struct ClipMaker {
    let directory: URL

    /// At the rate that was asked for: filler makes up for a picture that is too easy.
    func make(_ plan: PublisherPlan) throws -> Clip {
        if let path = plan.clip { return try Clip(path: path) }
        let file = directory.appendingPathComponent("clip-\(plan.name).mp4")
        let frames = max(1, Int((Double(plan.gop.microseconds) * Double(plan.frameRate) / 1e6).rounded()))
        // Whole GOPs, or a key frame would come early each time that the clip begins anew.
        let gops = max(1, (6 * plan.frameRate + frames - 1) / frames)
        let seconds = Double(gops * frames) / Double(plan.frameRate)
        let rate = "\(plan.bitsPerSecond)"
        var arguments = [
            "-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i",
            "testsrc2=size=\(plan.width)x\(plan.height):rate=\(plan.frameRate)",
        ]
        if plan.hasAudio { arguments += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"] }
        arguments += [
            "-t", "\(seconds)", "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-pix_fmt",
            "yuv420p",
            "-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", "\(plan.bitsPerSecond / 4)", "-x264-params",
            "nal-hrd=cbr", "-g", "\(frames)", "-keyint_min", "\(frames)", "-sc_threshold", "0",
        ]
        if plan.hasAudio { arguments += ["-c:a", "aac", "-b:a", "64k"] }
        let made = try run("ffmpeg", arguments + [file.path])
        guard made.status == 0 else {
            throw TimedOut(description: "ffmpeg could not make a clip for \(plan.name): \(made.errors)")
        }
        return try Clip(path: file.path)
    }
}

import Foundation

/// mpv, which plays through ffmpeg's reader of HLS.
package final class MPV: Player {
    package let name = "mpv"
    private let process: ChildProcess

    package init(playing playlist: String, in directory: URL) throws {
        let script = directory.appendingPathComponent("played.lua")
        // A frame of picture and one of AAC are counted by their times: mpv has no counters.
        try """
        mp.add_periodic_timer(0.2, function()
            local picture, rate = mp.get_property_number("time-pos"), mp.get_property_number("container-fps")
            local sound, samples = mp.get_property_number("audio-pts"), mp.get_property_number("audio-params/samplerate")
            if picture and rate and mp.get_property("video-out-params") and sound and samples then
                print(string.format("played %d %d", picture * rate, sound * samples / 1024))
            end
        end)
        """.write(to: script, atomically: true, encoding: .utf8)
        process = try ChildProcess(
            "mpv",
            [
                "--no-config", "--vo=null", "--ao=null", "--input-terminal=no", "--script=\(script.path)",
                "--msg-level=all=error,played=info", playlist,
            ], in: directory, name: "mpv")
    }

    deinit { process.stop() }

    package func played() -> PlayedFrames? {
        guard let last = process.text.matches(of: /played (\d+) (\d+)\s/).last else { return nil }
        guard let picture = Int(last.1), let sound = Int(last.2) else { return nil }
        return PlayedFrames(picture: picture, sound: sound)
    }

    package func complaints() -> [String] { process.lines.filter { !$0.contains("played ") } }
}

/// GStreamer's playbin3 with its newer reader of HLS, which takes Low-Latency playlists.
package final class GStreamer: Player {
    package let name = "GStreamer"
    private let process: ChildProcess

    package init(playing playlist: String, in directory: URL) throws {
        process = try ChildProcess(
            "env",
            [
                "GST_PLUGIN_FEATURE_RANK=hlsdemux2:MAX", "gst-launch-1.0", "-v", "playbin3", "uri=\(playlist)",
                "video-sink=fakesink sync=true silent=false", "audio-sink=fakesink sync=true silent=false",
            ], in: directory, name: "gstreamer-player")
    }

    deinit { process.stop() }

    package func played() -> PlayedFrames? {
        // Each frame that a sink takes at its time is a line.
        let frames = process.lines.filter { $0.contains("last-message = chain") }
        return PlayedFrames(
            picture: frames.count { $0.contains("/GstBin:vbin/") },
            sound: frames.count { $0.contains("/GstBin:abin/") })
    }

    package func complaints() -> [String] {
        let lines = process.lines
        let isByOther = played() != nil && !lines.contains { $0.contains("hlsdemux2") }
        return lines.filter { $0.hasPrefix("ERROR") || $0.hasPrefix("WARNING") }
            + (isByOther ? ["it reads the playlist by another element than hlsdemux2"] : [])
    }
}

/// VLC, whose counts are asked for over its terminal interface.
package final class VLC: Player {
    package let name = "VLC"
    private let process: ChildProcess

    package init(playing playlist: String, in directory: URL) throws {
        let home = directory.appendingPathComponent("vlc")
        try FileManager.default.createDirectory(
            at: home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o777])
        // VLC does not run as root.
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        process = try ChildProcess(
            "env",
            ["HOME=\(home.path)"] + (geteuid() == 0 ? nobody : []) + [
                "vlc", "-v", "--no-color", "-I", "oldrc", "--rc-fake-tty", "--vout", "dummy", "--aout", "dummy",
                playlist,
            ], in: directory, name: "vlc", takesInput: true)
    }

    deinit { process.stop() }

    package func played() throws -> PlayedFrames? {
        try process.input?.write(contentsOf: Data("stats\n".utf8))
        let text = process.text
        guard let picture = text.matches(of: /frames displayed : +(\d+)/).last,
            let sound = text.matches(of: /buffers played   : +(\d+)/).last,
            let pictures = Int(picture.1), let sounds = Int(sound.1)
        else { return nil }
        return PlayedFrames(picture: pictures, sound: sounds)
    }

    package func complaints() -> [String] {
        // Its desktop integration finds no desktop, which says nothing of the stream. It expects a first fragment of number
        // 0, wherever it joins.
        process.lines.filter {
            $0.contains(" error: ") && !$0.contains("interface error") && !$0.contains("libvlc error")
                || $0.contains("sequence discontinuity") && !$0.hasSuffix("!= 0")
        }
    }
}

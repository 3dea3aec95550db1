import Foundation

/// Debian's headless Firefox, driven over its own remote protocol, Marionette: Debian has no geckodriver.
package final class Firefox: Player {
    package let name = "Firefox"
    private let browser: ChildProcess
    private let connection: RawConnection
    private var input: [UInt8] = []
    private var lastCommand = 0

    /// Opens `page` and plays what is on it. Its profile lies in `directory`.
    package init(playing page: String, in directory: URL) throws {
        let profile = directory.appendingPathComponent("firefox")
        try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
        try """
        user_pref("media.autoplay.default", 0);
        user_pref("media.autoplay.blocking_policy", 0);
        user_pref("marionette.port", 0);
        """.write(to: profile.appendingPathComponent("user.js"), atomically: true, encoding: .utf8)
        browser = try ChildProcess(
            "env",
            [
                "HOME=\(profile.path)", "firefox-esr", "--headless", "--no-remote", "--profile", profile.path,
                "--marionette", "about:blank",
            ], in: directory, name: "firefox")
        let line = try browser.line(with: "Marionette", "Listening on port", within: 60)
        guard let port = line.split(separator: " ").last.flatMap({ Int($0) }) else {
            throw TimedOut(description: "no port in \(line)")
        }
        connection = try RawConnection(port: port)
        _ = try message()
        _ = try perform("WebDriver:NewSession", ["acceptInsecureCerts": true])
        _ = try perform("WebDriver:Navigate", ["url": page])
    }

    deinit { browser.stop() }

    package func played() throws -> PlayedFrames? {
        // The decoders' own counts, which a page does not see.
        let script = """
            const video = document.querySelector("video");
            if (!video || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
            const info = await video.mozRequestDebugInfo();
            return [info.decoder.reader.videoNumSamplesOutputTotal, info.decoder.reader.audioFramesDecoded];
            """
        let counts = try perform(
            "WebDriver:ExecuteScript",
            ["script": "return (async () => {\(script)})()", "args": [Any](), "sandbox": "system"])
        guard let counts = counts as? [Int], counts.count == 2 else { return nil }
        return PlayedFrames(picture: counts[0], sound: counts[1])
    }

    package func complaints() throws -> [String] {
        let script = """
            const video = document.querySelector("video");
            // A player that stood still for a moment is late, not wrong.
            const errors = (window.needletail?.errors ?? []).filter(error => !/stall|nudge/i.test(error));
            return !video ? ["no video on the page"] : video.error ? [...errors, video.error.message || "error"] : errors;
            """
        let errors = try perform("WebDriver:ExecuteScript", ["script": script, "args": [Any]()])
        return errors as? [String] ?? ["the page does not answer"]
    }

    // MARK: Marionette

    /// Sends a command and returns its result's value. A message is its length in digits, a colon and JSON: `[0, id, name,
    /// parameters]`, answered by `[1, id, error, result]`.
    private func perform(_ command: String, _ parameters: [String: Any]) throws -> Any {
        lastCommand += 1
        let bytes = try JSONSerialization.data(withJSONObject: [0, lastCommand, command, parameters])
        connection.send("\(bytes.count):")
        connection.send(Array(bytes))
        guard let answer = try message() as? [Any], answer.count == 4 else {
            throw TimedOut(description: "\(command): not an answer")
        }
        if let error = answer[2] as? [String: Any] { throw TimedOut(description: "\(command): \(error)") }
        return (answer[3] as? [String: Any])?["value"] ?? answer[3]
    }

    private func message() throws -> Any {
        let deadline = Date().addingTimeInterval(30)
        while true {
            if let colon = input.firstIndex(of: UInt8(ascii: ":")),
                let length = Int(String(decoding: input[..<colon], as: UTF8.self)), input.count > colon + length
            {
                let end = colon + 1 + length
                defer { input.removeFirst(end) }
                return try JSONSerialization.jsonObject(with: Data(input[(colon + 1)..<end]))
            }
            guard let bytes = connection.bytes(before: deadline), !bytes.isEmpty else {
                throw TimedOut(description: "Firefox does not answer: \(browser.text)")
            }
            input += bytes
        }
    }
}

import Foundation

/// Debian's headless Chromium, driven by chromedriver over its plain HTTP interface (W3C WebDriver).
package final class Browser {
    private let driver: ChildProcess
    private let base: String
    private var session = ""

    package init(in directory: URL) throws {
        driver = try ChildProcess("chromedriver", ["--port=0"], in: directory, name: "chromedriver")
        let line = try driver.line(with: "started successfully on port")
        guard let match = line.firstMatch(of: /port (\d+)/) else { throw TimedOut(description: line) }
        base = "http://127.0.0.1:\(match.1)"
        let arguments = [
            "--headless=new", "--no-sandbox", "--autoplay-policy=no-user-gesture-required",
            "--ignore-certificate-errors",
            "--disable-dev-shm-usage", "--mute-audio", "--window-size=1000,800",
        ]
        let made = try post("/session", ["capabilities": ["alwaysMatch": ["goog:chromeOptions": ["args": arguments]]]])
        guard let value = made as? [String: Any], let id = value["sessionId"] as? String else {
            throw TimedOut(description: "no session: \(made)")
        }
        session = "/session/\(id)"
    }

    deinit {
        _ = try? run("curl", ["-s", "--max-time", "5", "-X", "DELETE", base + session])
        driver.stop()
    }

    package func open(_ url: String) throws { _ = try post(session + "/url", ["url": url]) }

    /// What a script returns; it may give JSON's types only.
    package func evaluate(_ script: String) throws -> Any {
        try post(session + "/execute/sync", ["script": script, "args": [Any]()])
    }

    /// Freezes every process of the browser, as a machine that sleeps does, and lets it go on. Meanwhile it cannot be asked.
    package func setPaused(_ isPaused: Bool) {
        var parents = [driver.processIdentifier]
        while let parent = parents.popLast() {
            let path = "/proc/\(parent)/task/\(parent)/children"
            let children = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            for child in children.split(separator: " ").compactMap({ Int32($0) }) {
                kill(child, isPaused ? SIGSTOP : SIGCONT)
                parents.append(child)
            }
        }
    }

    private func post(_ path: String, _ body: [String: Any]) throws -> Any {
        let data = try JSONSerialization.data(withJSONObject: body)
        let answer = try run(
            "curl",
            [
                "-s", "--max-time", "30", "-H", "content-type: application/json", "-d",
                String(decoding: data, as: UTF8.self), base + path,
            ])
        let object = try JSONSerialization.jsonObject(with: answer.output) as? [String: Any]
        guard let value = object?["value"] else { throw TimedOut(description: "chromedriver: \(answer.errors)") }
        if let failure = value as? [String: Any], let error = failure["error"] {
            throw TimedOut(description: "chromedriver: \(error): \(failure["message"] ?? "")")
        }
        return value
    }
}

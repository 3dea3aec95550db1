import Foundation
import Harness

/// Chromium on a watch page, asked for what the page says.
struct WatchedPage {
    let browser: Browser

    init(_ url: String, in directory: URL) throws {
        browser = try Browser(in: directory)
        try browser.open(url)
    }

    /// The state as the document has it.
    func state() throws -> String {
        try browser.evaluate("return document.getElementById('player').dataset.state") as? String ?? ""
    }

    /// What stands in the page's head, and on the picture where something is said there.
    struct Words: Equatable {
        let state: String
        let notice: String?

        init(state: String, notice: String?) {
            self.state = state
            self.notice = notice
        }

        /// The same in both places.
        init(both text: String) { self.init(state: text, notice: text) }
    }

    func words() throws -> Words {
        let state = try browser.evaluate("return document.getElementById('state').textContent") as? String ?? ""
        let notice =
            try browser.evaluate(
                "const n = document.getElementById('notice'); return n.hidden ? '' : n.innerText") as? String ?? ""
        return Words(state: state, notice: notice.isEmpty ? nil : notice)
    }

    func number(_ name: String) throws -> Double {
        try (browser.evaluate("return window.needletail.\(name)") as? NSNumber)?.doubleValue ?? -1
    }

    func isShown(_ id: String) throws -> Bool {
        try browser.evaluate("return !document.getElementById('\(id)').hidden") as? Bool ?? false
    }

    func press(_ id: String) throws { _ = try browser.evaluate("document.getElementById('\(id)').click()") }

    /// Runs a script in which `video` is the page's.
    func video(_ script: String) throws -> Any {
        try browser.evaluate("const video = document.getElementById('video'); \(script)")
    }

    func mediaTime() throws -> Double { (try video("return video.currentTime") as? NSNumber)?.doubleValue ?? -1 }

    func wait(for state: String, within seconds: Double = 40) throws {
        _ = try eventually("the page says \(state): \(report())", within: seconds) {
            try self.state() == state ? true : nil
        }
    }

    /// Waits until a number of the page is above `value`.
    func wait(for name: String, above value: Double, within seconds: Double = 40) throws {
        _ = try eventually("\(name) above \(value): \(report())", within: seconds) {
            try number(name) > value ? true : nil
        }
    }

    /// Waits until so many seconds more have been played.
    func wait(toPlay seconds: Double) throws {
        let from = try mediaTime()
        _ = try eventually("\(seconds) s played: \(report())", within: 40) {
            try mediaTime() > from + seconds ? true : nil
        }
    }

    private func report() -> String {
        "\((try? browser.evaluate("return JSON.stringify(window.needletail)")) ?? "no answer")"
    }
}

import Foundation
import Harness

/// Chromium on a watch page, which tells the age of each picture that it shows by the time that is painted into it.
final class BrowserGlass {
    private let browser: Browser

    init(opening url: String, in directory: URL) throws {
        browser = try Browser(in: directory)
        try browser.open(url)
    }

    /// A page with nothing but hls.js, its own settings, and the counts that the watch page has.
    init(playing path: String, plainlyFrom base: String, in directory: URL) throws {
        browser = try Browser(in: directory)
        try browser.open("\(base)/watch/assets/hls.js")
        _ = try browser.evaluate(
            """
            document.body.innerHTML = '<video id="video" muted autoplay playsinline></video>';
            const video = document.getElementById("video");
            const numbers = window.needletail = { openedAt: performance.now(), firstFrameAt: null, stalls: 0, frames: 0 };
            const onFrame = () => {
              numbers.firstFrameAt ??= performance.now();
              numbers.frames += 1;
              video.requestVideoFrameCallback(onFrame);
            };
            video.requestVideoFrameCallback(onFrame);
            video.addEventListener("waiting", () => {
              if (numbers.firstFrameAt !== null && !video.seeking) { numbers.stalls += 1; }
            });
            const script = document.createElement("script");
            script.src = location.href;
            script.onload = () => {
              const hls = window.plainHls = new window.Hls({ lowLatencyMode: true });
              hls.loadSource("\(path)");
              hls.attachMedia(video);
              video.play().catch(() => {});
            };
            document.head.append(script);
            """)
    }

    /// From now on the page fetches media and playlists at `base`, and everything else where it was.
    func fetchMedia(from base: String) throws {
        _ = try browser.evaluate(
            """
            const open = XMLHttpRequest.prototype.open;
            XMLHttpRequest.prototype.open = function (method, url, ...rest) {
              const target = new URL(url, location.href);
              const isMedia = target.pathname.startsWith("/live/");
              return open.call(this, method, isMedia ? "\(base)" + target.pathname + target.search : url, ...rest);
            };
            """)
    }

    /// Milliseconds from opening the page to its first picture; nil while there is none.
    func firstFrame() throws -> Double? { try numbers()?["firstFrameAt"] as? Double }

    /// Begins to read every picture that is shown.
    func startReading() throws {
        _ = try browser.evaluate(
            """
            const read = \(StampedPicture.reader);
            const canvas = document.createElement("canvas");
            canvas.width = 640; canvas.height = 90;
            const context = canvas.getContext("2d", { willReadFrequently: true });
            const video = document.getElementById("video");
            window.glass = [];
            const onFrame = () => {
              video.requestVideoFrameCallback(onFrame);
              const now = Date.now();
              const stamp = read(video, context);
              if (stamp !== null) { window.glass.push(((now & 0xffffff) - stamp + 0x1000000) & 0xffffff); }
            };
            video.requestVideoFrameCallback(onFrame);
            """)
    }

    /// Forgets what was read and how often it stalled.
    func reset() throws { _ = try browser.evaluate("window.glass.length = 0; window.needletail.stalls = 0;") }

    /// Ages in milliseconds, and stalls since the last reset.
    func read() throws -> (ages: [Double], stalls: Int) {
        let ages = try browser.evaluate("return window.glass") as? [Double] ?? []
        return (ages, try numbers()?["stalls"] as? Int ?? 0)
    }

    /// What the page says of itself, for who wonders why nothing is shown.
    func state() throws -> String {
        let state = try browser.evaluate(
            """
            const video = document.getElementById("video");
            const ranges = [...Array(video.buffered.length).keys()].map(
              (index) => video.buffered.start(index) + " to " + video.buffered.end(index));
            return JSON.stringify({ page: window.needletail, at: video.currentTime, ready: video.readyState,
              paused: video.paused, rate: video.playbackRate, buffered: ranges, error: video.error && video.error.message });
            """)
        return "\(state)"
    }

    private func numbers() throws -> [String: Any]? {
        try browser.evaluate("return window.needletail") as? [String: Any]
    }
}

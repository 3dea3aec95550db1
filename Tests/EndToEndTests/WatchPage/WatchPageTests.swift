import Foundation
import Harness
import NIOPosix
import Testing

/// The watch page in Chromium says what is the case, in each state, and goes on by itself where it can.
extension EndToEnd {
    @Suite(.serialized) struct WatchPageTests {
        private static let parts = "{part: 200ms, segment: 1s, maximum_segment: 2s, window: 30s}"

        private func page(_ fleet: Fleet, _ channel: String = "demo", port: Int? = nil) throws -> WatchedPage {
            try WatchedPage("http://127.0.0.1:\(port ?? fleet.edgePort)/watch/\(channel)", in: fleet.directory)
        }

        /// A channel that is live, and a page that says so.
        private struct Broadcast {
            let fleet: Fleet
            let publisher: ChildProcess
            let page: WatchedPage

            init() throws {
                fleet = try Fleet(packaging: WatchPageTests.parts)
                publisher = try fleet.publish()
                _ = try fleet.waitForChannel()
                page = try WatchedPage("http://127.0.0.1:\(fleet.edgePort)/watch/demo", in: fleet.directory)
                try page.wait(for: "live")
            }
        }

        @Test func theEndIsSaidAndStaysUntilThereIsAnotherBroadcast() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let publisher = try fleet.publish(seconds: 8)
            _ = try fleet.waitForChannel()
            let page = try page(fleet)
            try page.wait(for: "live")
            publisher.waitForExit()
            try page.wait(for: "ended")
            #expect(try page.words() == .init(both: "The broadcast has ended"))
            // It goes on asking, and neither replays nor hopes.
            _ = try eventually("the last picture stands") {
                try page.video("return video.paused || video.ended") as? Bool == true ? true : nil
            }
            let (asked, time) = (try page.number("asked"), try page.mediaTime())
            try page.wait(for: "asked", above: asked + 1)
            #expect(try page.state() == "ended")
            #expect(try page.mediaTime() == time)
            #expect(
                try page.browser.evaluate("return document.getElementById('latency').textContent") as? String == "–")

            // Whoever comes after the end is told, and shown nothing as live.
            let late = try self.page(fleet)
            try late.wait(for: "ended")
            try late.wait(for: "asked", above: 1)
            #expect(try late.state() == "ended")
            #expect(try late.number("opened") == 0)

            let again = try fleet.publish(name: "again")
            defer { again.stop() }
            try page.wait(for: "live")
            try late.wait(for: "live")
        }

        @Test func whoeverPausedSeesHowFarAndIsBroughtBack() throws {
            let broadcast = try Broadcast()
            defer { broadcast.publisher.stop() }
            let page = broadcast.page
            #expect(try !page.isShown("go-live"))
            _ = try page.video("video.pause()")
            try page.wait(for: "behindEdge", above: 6)
            #expect(try page.state() == "paused")
            #expect(try page.words().state.contains(/\d+ s behind live/))
            #expect(try page.isShown("go-live"))
            let jumps = try page.number("jumps")
            _ = try page.video("return video.play()")
            try page.wait(for: "jumps", above: jumps)
            try page.wait(for: "live")
            #expect(try page.number("behindEdge") < 3)

            // The button does the same at once, and plays.
            _ = try page.video("video.pause()")
            try page.wait(for: "behindEdge", above: 6)
            try page.press("go-live")
            try page.wait(for: "live")
            #expect(try page.video("return video.paused") as? Bool == false)
        }

        @Test func whoeverGoesBackIsLeftThereUntilGoLive() throws {
            let broadcast = try Broadcast()
            defer { broadcast.publisher.stop() }
            let page = broadcast.page
            _ = try eventually("something to go back to") {
                try page.video("return video.currentTime - video.seekable.start(0) > 9") as? Bool == true ? true : nil
            }
            let jumps = try page.number("jumps")
            _ = try page.video(
                """
                window.rates = new Set();
                video.addEventListener("ratechange", () => window.rates.add(video.playbackRate));
                video.currentTime -= 8;
                """)
            try page.wait(for: "behind")
            try page.wait(toPlay: 6)
            #expect(try page.state() == "behind")
            #expect(try page.words().state.contains(/\d+ s behind live/))
            #expect(try page.number("jumps") == jumps)
            #expect(try page.number("rate") == 1)
            #expect(try page.browser.evaluate("return [...window.rates].every((rate) => rate === 1)") as? Bool == true)
            try page.press("go-live")
            try page.wait(for: "live")
            #expect(try page.number("jumps") == jumps + 1)
        }

        @Test func aLinkThatIsCutIsSaidAndMadeGood() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            defer { try? group.syncShutdownGracefully() }
            let link = try LinkProxy.open(on: "127.0.0.1", to: ("127.0.0.1", fleet.edgePort), loops: group)
            defer { link.close() }
            let page = try page(fleet, port: link.port)
            try page.wait(for: "live")
            link.set { $0.isCut = true }
            try page.wait(for: "network")
            #expect(try page.words().notice?.contains("Your network is unstable") == true)
            #expect(try page.isShown("act"))
            link.set { $0.isCut = false }
            try page.wait(for: "live")
            #expect(try page.number("behindEdge") < 4)
        }

        @Test func aTabThatWasFrozenIsBroughtBack() throws {
            let broadcast = try Broadcast()
            defer { broadcast.publisher.stop() }
            let page = broadcast.page
            let url = "http://127.0.0.1:\(broadcast.fleet.edgePort)/live/demo/video/playlist.m3u8"
            func position() -> Int {
                let match = (try? curl(url))?.text.firstMatch(of: /PRELOAD-HINT:TYPE=PART,URI="[^\/]+\/(\d+)\./)
                return match.flatMap { Int($0.1) } ?? 0
            }
            // Every process of the browser stands still for more than five segments, as in a sleeping machine.
            try page.browser.setPaused(true)
            let first = position()
            _ = try eventually("five segments more") { position() > first + 4 ? true : nil }
            try page.browser.setPaused(false)
            try page.wait(for: "live")
            try page.wait(toPlay: 1)
            #expect(try page.state() == "live")
            #expect(try page.number("behindEdge") < 4)
        }

        @Test func aCodecThatTheBrowserLacksIsNamed() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let hevc = [
                "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-g", "60",
            ]
            let publisher = try fleet.publish(seconds: 60, video: hevc, encoder: Fleet.fetched("bin/ffmpeg9"))
            _ = try fleet.waitForChannel()
            let page = try page(fleet)
            try page.wait(for: "unsupported")
            #expect(try page.words() == .init(both: "This browser cannot play HEVC (H.265)"))
            // Somebody does something about it.
            publisher.stop()
            _ = try eventually("the end") {
                let url = "http://127.0.0.1:\(fleet.originPort)/live/demo/video/playlist.m3u8"
                return try curl(url).text.contains("#EXT-X-ENDLIST") ? true : nil
            }
            let again = try fleet.publish(name: "again")
            defer { again.stop() }
            try page.wait(for: "live")
        }

        @Test func aPublisherThatIsLostIsSaidAndComesBack() throws {
            let broadcast = try Broadcast()
            defer { broadcast.publisher.stop() }
            let page = broadcast.page
            broadcast.publisher.kill()
            try page.wait(for: "interrupted")
            #expect(try page.words().notice?.contains("The broadcaster lost connection") == true)
            let second = try broadcast.fleet.publish(name: "second")
            defer { second.stop() }
            try page.wait(for: "live")
        }

        @Test func anEdgeThatIsLostIsSaidAndComesBack() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            _ = try fleet.waitForChannel()
            let near = try EdgeNode("near", upstreams: [fleet.originTLSPort], in: fleet.directory)
            let page = try page(fleet, port: near.port)
            try page.wait(for: "live")
            near.process.kill()
            try page.wait(for: "network")
            let again = try EdgeNode(
                "near", upstreams: [fleet.originTLSPort], in: fleet.directory,
                settings: ["http.listen=127.0.0.1:\(near.port)"])
            defer { again.process.stop() }
            try page.wait(for: "live")
        }

        @Test func anUnknownChannelIsNotOneThatHasNotStarted() throws {
            let fleet = try Fleet(packaging: Self.parts)
            let unknown = try page(fleet, "nosuch")
            try unknown.wait(for: "not_found")
            #expect(try unknown.words() == .init(both: "There is no such channel"))
            let page = try page(fleet, "demo?lang=ko")
            try page.wait(for: "not_started")
            #expect(try page.words().state == "방송이 아직 시작되지 않았어요")
            let publisher = try fleet.publish()
            defer { publisher.stop() }
            try page.wait(for: "live")
            #expect(try page.words().state == "실시간")
        }

        @Test func thePageNamesItsFilesByTheirHashes() throws {
            let fleet = try Fleet()
            let base = "http://127.0.0.1:\(fleet.edgePort)"
            let html = try curl("\(base)/watch/demo")
            #expect(html.headers["cache-control"] == "no-cache")
            var names = Set(html.text.matches(of: /\/watch\/assets\/([\w.-]+)"/).map { String($0.1) })
            #expect(names.count == 3)
            var seen: Set<String> = []
            while let name = names.subtracting(seen).first {
                seen.insert(name)
                let file = try curl("\(base)/watch/assets/\(name)")
                #expect(file.status == 200 && name.contains(/\.[0-9a-f]{16}\./), "\(name)")
                #expect(file.headers["cache-control"]?.contains("immutable") == true)
                let zipped = try curl("\(base)/watch/assets/\(name)", "--compressed")
                #expect(zipped.headers["content-encoding"] == "gzip" && zipped.body == file.body)
                #expect(zipped.headers["vary"] == "accept-encoding")
                names.formUnion(file.text.matches(of: /from "\.\/([\w.-]+)"/).map { String($0.1) })
            }
            #expect(seen.count == 7)
            let player = try #require(seen.first { $0.hasPrefix("hls.") })
            let plain = try curl("\(base)/watch/assets/\(player)", "--head")
            let zipped = try curl("\(base)/watch/assets/\(player)", "--head", "-H", "accept-encoding: gzip")
            let sizes = [plain, zipped].map { Int($0.headers["content-length"] ?? "") ?? 0 }
            #expect(sizes[1] > 0 && sizes[1] * 3 < sizes[0], "\(sizes)")
            let old = try curl("\(base)/watch/assets/hls.0123456789abcdef.js")
            #expect(old.status == 404 && old.headers["cache-control"] == "no-store")
        }
    }
}

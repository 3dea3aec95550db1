import Cryptography
import HTTP
import LoadtestCore
import NIOCore
import Wire

/// All viewers of a run and what they share. Lives on one event loop and is touched nowhere else.
final class ViewerPool {
    let loop: any EventLoop
    var statistics = RunStatistics()
    var book = StreamBook()
    private var library = PlaylistLibrary()
    private(set) var lag = LatencyHistogram()
    private(set) var live = 0
    private(set) var stalled = 0
    private var generator: RunGenerator
    private var viewers: [ObjectIdentifier: LiveViewer] = [:]
    private var meter: RepeatedTask?
    private var meterDue = NIODeadline.now()

    init(loop: any EventLoop, seed: Int) {
        self.loop = loop
        generator = RunGenerator(seed: seed, stream: 0x5EED)
    }

    // MARK: Life

    /// Measures how late the loop runs what is due: every 10 ms, against the time at which it should.
    func startMeter() {
        meterDue = .now() + .milliseconds(10)
        meter = loop.scheduleRepeatedTask(initialDelay: .milliseconds(10), delay: .milliseconds(10)) {
            [bound = NIOLoopBound(self, eventLoop: loop)] _ in bound.value.measureLag()
        }
    }

    private func measureLag() {
        let now = NIODeadline.now()
        lag.record((now - meterDue).nanoseconds / 1_000)
        meterDue = now + .milliseconds(10)
        statistics.watching(live, at: RunClock.now())
    }

    func beginCounting(at now: Int64) {
        statistics.start(at: now)
        lag = LatencyHistogram()
    }

    func add(_ viewer: LiveViewer) {
        viewers[ObjectIdentifier(viewer)] = viewer
        if !viewer.isProbe { live += 1 }
    }

    func remove(_ viewer: LiveViewer) {
        guard viewers.removeValue(forKey: ObjectIdentifier(viewer)) != nil else { return }
        if !viewer.isProbe { live -= 1 }
    }

    /// Everybody leaves; what is on the glass by now is counted.
    func finish() {
        for viewer in Array(viewers.values) { viewer.leave() }
        meter?.cancel()
    }

    var stalledViewers: Int { viewers.values.count { $0.isStalled } }

    // MARK: What answers bring

    func read(playlist bytes: ByteBuffer, path: String) -> PlaylistLibrary.Reading {
        var violations: [Violation] = []
        let reading = library.read(bytes, path: path, into: &violations)
        let now = RunClock.now()
        for violation in violations { statistics.broken(violation, at: now) }
        return reading
    }

    /// Whether somebody should keep the whole body of a part that he asks for.
    func keepsBody(of path: String, share: Double) -> Bool {
        let isFirst = book.claim(path)
        return isFirst || share > 0 && Double.random(in: 0..<1, using: &generator) < share
    }

    func read(_ body: ByteBuffer, of path: String, from server: String) {
        let digest = body.withUnsafeReadableBytes { SHA256.digest(of: $0) }
        let violation = book.read(
            path, byteCount: body.readableBytes, digest: digest, stamps: FrameStamp.all(in: body),
            times: FragmentTimes(body), from: server)
        if let violation { statistics.broken(violation, at: RunClock.now()) }
    }
}

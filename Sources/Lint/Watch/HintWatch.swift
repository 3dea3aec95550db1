import HLS
import HTTP

/// The preload hints of one rendition: whether each came true, and how its bytes came.
struct HintWatch {
    private enum State {
        case asked(at: Duration)
        /// Refused or lost, in words.
        case failed(String)
        case delivered(at: Duration)
    }

    private var states: [String: State] = [:]
    private var listedAt: [String: Duration] = [:]
    /// Of hinted parts, how long a body took from its first byte to its last, and how long its media lasts.
    private var transfers: [Duration] = []

    mutating func ask(_ key: String, at now: Duration) { states[key] = .asked(at: now) }

    /// A part is listed. Returns true when it need not be fetched, for its hint has brought it or will.
    mutating func listed(_ key: String, url: WebAddress, desk: inout LintDesk) -> Bool {
        guard let state = states[key], listedAt[key] == nil else { return false }
        listedAt[key] = desk.now
        switch state {
        case .asked: return true
        case .delivered:
            desk.judge(.hintDelivered, at: url, seen: nil)
            return true
        case .failed(let why):
            desk.judge(.hintDelivered, at: url, seen: "\(why) while it was hinted, and then it was listed")
            return false
        }
    }

    mutating func received(
        _ key: String, _ answer: LintAnswer, at url: WebAddress, sentAt: Duration, desk: inout LintDesk
    ) {
        guard answer.failure == nil, answer.status == 200 else {
            let why = answer.failure ?? "answered \(answer.status)"
            states[key] = .failed(why)
            if listedAt[key] != nil { desk.judge(.hintDelivered, at: url, seen: "\(why), though it is listed") }
            return
        }
        states[key] = .delivered(at: desk.now)
        if let first = answer.firstByteAt { transfers.append(answer.endAt - first) }
        guard let listed = listedAt[key] else { return }
        let late = desk.now - listed
        desk.judge(
            .hintDelivered, at: url, expected: "with the listing", holds: late <= .seconds(1) + desk.settings.slack,
            else: "whole only \(late.text) after it was listed")
    }

    /// Whether hinted parts came as they were made: most of them slower than `segment`, what a whole segment takes on this
    /// line, and slower than any line that carries the stream.
    func judgeSpeed(partTarget: Duration, segment: Duration, at url: WebAddress, desk: inout LintDesk) {
        guard transfers.count >= 4 else { return }
        let slow = transfers.filter { $0 > partTarget * 0.4 && $0 > segment }
        let longest = transfers.max() ?? .zero
        desk.judge(
            .hintAtLineSpeed, at: url, expected: "all bytes at once", holds: slow.count * 2 < transfers.count,
            else: "\(slow.count) of \(transfers.count) hinted parts took more than 40 % of the part target, "
                + "up to \(longest.text); a whole segment takes \(segment.text)")
    }

    /// Hints whose part is listed for longer than it may take, and which are still unanswered.
    mutating func expire(desk: inout LintDesk) -> [String] {
        let limit = Duration.seconds(2) + desk.settings.slack
        let late = listedAt.filter { key, listed in
            guard case .asked? = states[key] else { return false }
            return desk.now - listed > limit
        }
        for key in late.keys { states[key] = .failed("unanswered") }
        return late.keys.sorted()
    }
}

import Configuration

/// A group of publishers that send the same clip, each under a key of its own.
package struct PublisherPlan: NamedPlan, Equatable, Sendable {
    /// Where the time of capture stands.
    package enum Stamp: String, CaseIterable, Sendable {
        /// In the bitstream alone: the clip is encoded once and never again.
        case bitstream
        /// In the picture too, which costs an encoder while publishing. For browsers.
        case picture
    }

    package var name = ""
    package var count = 1
    package var width = 640
    package var height = 360
    /// Frames a second.
    package var frameRate = 30
    package var bitsPerSecond = 800_000
    /// Seconds from a key frame to the next.
    package var gop = Duration.seconds(2)
    package var hasAudio = true
    package var stamp = Stamp.bitstream
    /// A clip of H.264 and AAC to send in place of a generated one.
    package var clip: String?
    /// From the start of the run.
    package var startAt = Duration.zero
    /// How long each publishes; nil for as long as the run takes.
    package var publishes: Duration?

    package init() {}

    static func read(_ section: Section) -> PublisherPlan {
        var plan = PublisherPlan()
        plan.count = section.value("count", .integer(1...1_000), standard: 1).value
        let size = section.value("resolution", .resolution, standard: PictureSize(width: 640, height: 360)).value
        (plan.width, plan.height) = (size.width, size.height)
        plan.frameRate = section.value("frame_rate", .integer(1...120), standard: plan.frameRate).value
        plan.bitsPerSecond = section.value("bit_rate", .bitRate, standard: plan.bitsPerSecond).value
        plan.gop = section.value("gop", .duration(.milliseconds(200) ... .seconds(20)), standard: plan.gop).value
        plan.hasAudio = section.value("audio", .truth, standard: true).value
        let stamp = section.value("stamp", ValueKind<Stamp>.choice, standard: .bitstream)
        plan.stamp = stamp.value
        let clip = section.optional("clip", .path("the path of a clip", checkedBy: section.decoding.files))
        plan.clip = clip.value
        plan.startAt = section.value("start_at", .duration(.zero ... .seconds(86_400)), standard: .zero).value
        plan.publishes = section.optional("duration", .duration(.seconds(1) ... .seconds(86_400))).value
        if plan.stamp == .picture, plan.count > 4, let place = stamp.place {
            section.decoding.report(
                place, .conflict("\(plan.count) publishers would each encode while publishing"),
                hint: "Use at most 4 with \"stamp: picture\", and \"stamp: bitstream\" for many.")
        }
        if let place = clip.place, plan.stamp == .picture {
            section.decoding.report(
                place, .conflict("a clip that is encoded already has no time in its picture"),
                hint: "Remove \"clip\", or use \"stamp: bitstream\".")
        }
        return plan
    }
}

package struct PictureSize: Equatable, Sendable {
    package var width: Int
    package var height: Int
}

extension ValueKind where Value == PictureSize {
    static var resolution: Self {
        ValueKind(
            expectation: "a resolution such as 1280x720",
            read: { text throws(ValueFlaw) in
                let numbers = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
                guard numbers.count == 2, let width = numbers[0], let height = numbers[1] else {
                    throw .malformed(reason: "this is not a resolution", hint: "Write for example 1280x720.")
                }
                guard (128...4_096).contains(width), (72...2_304).contains(height), width % 2 == 0, height % 2 == 0
                else { throw .outOfRange(value: text, allowed: "128x72 to 4096x2304, even numbers") }
                return PictureSize(width: width, height: height)
            },
            write: { "\($0.width)x\($0.height)" })
    }
}

extension ValueKind where Value == Int {
    /// Bits a second, read from `800kbit` or `4Mbit`.
    static var bitRate: Self {
        ValueKind(
            expectation: "a rate such as 800kbit or 4Mbit", allowed: "8kbit to 10000Mbit",
            read: { text throws(ValueFlaw) in
                let units: [(String, Double)] = [("kbit", 1e3), ("Mbit", 1e6), ("Gbit", 1e9)]
                guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }) else {
                    throw .malformed(reason: "the unit is missing", hint: "Write for example 800kbit or 4Mbit.")
                }
                guard let number = Double(text.dropLast(unit.count)), number.isFinite, number > 0 else {
                    throw .malformed(reason: "this is not a rate", hint: "Write for example 800kbit or 4Mbit.")
                }
                let rate = number * factor
                guard rate >= 8_000, rate <= 1e10 else {
                    throw .outOfRange(value: text, allowed: "8kbit to 10000Mbit")
                }
                return Int(rate)
            },
            write: { $0 % 1_000_000 == 0 ? "\($0 / 1_000_000)Mbit" : "\($0 / 1_000)kbit" })
    }
}

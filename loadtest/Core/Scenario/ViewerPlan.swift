import Configuration

/// A group of viewers that behave alike.
package struct ViewerPlan: NamedPlan, Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// Follows the protocol as a player does, with neither decoder nor screen.
        case `protocol`
        /// Headless Chromium on the watch page.
        case browser
    }

    package enum Version: String, CaseIterable, Sendable { case http1, http2 }

    package enum Place: String, CaseIterable, Sendable {
        case edges, origin
    }

    /// How they arrive. The times are drawn before the run: a slow server does not slow them down.
    package enum Curve: String, CaseIterable, Sendable {
        /// Evenly over the time.
        case linear
        /// All at its beginning.
        case burst
        /// With exponential gaps, as strangers do.
        case poisson
    }

    package enum Rendition: String, CaseIterable, Sendable { case highest, lowest, video, audio }

    package var name = ""
    package var kind = Kind.protocol
    package var count = 1
    package var curve = Curve.linear
    package var arriveAt = Duration.zero
    package var arriveOver = Duration.seconds(2)
    /// Mean of an exponential stay; nil for staying to the end.
    package var stay: Duration?
    /// How long after leaving the place is taken again; nil for never.
    package var returnAfter: Duration?
    package var version = Version.http2
    package var isTLS = false
    /// HTTP/2 viewers that share a connection; 1 gives each its own.
    package var perConnection = 1
    package var rendition = Rendition.highest
    package var from = Place.edges
    /// Name of the publishers' group that they watch, spread over its streams; nil for all streams.
    package var watches: String?
    /// Share of the bodies that are kept whole and compared, from 0 to 1.
    package var sampled = 0.01
    /// Sent in X-Forwarded-For, in turn; none without any.
    package var regions: [String] = []

    var kindPlace: ConfigurationPlace?
    var fromPlace: ConfigurationPlace?
    var watchesPlace: ConfigurationPlace?

    package init() {}

    static func read(_ section: Section) -> ViewerPlan {
        var plan = ViewerPlan()
        let kind = section.value("kind", ValueKind<Kind>.choice, standard: .protocol)
        (plan.kind, plan.kindPlace) = (kind.value, kind.place)
        let count = section.value("count", .integer(1...200_000), standard: 1)
        plan.count = count.value
        _ = section.section("arrive") { section in
            plan.curve = section.value("curve", ValueKind<Curve>.choice, standard: .linear).value
            plan.arriveAt = section.value("at", .duration(.zero ... .seconds(86_400)), standard: .zero).value
            plan.arriveOver =
                section.value("over", .duration(.zero ... .seconds(86_400)), standard: plan.arriveOver).value
        }
        plan.stay = section.optional("stay", .duration(.seconds(1) ... .seconds(86_400))).value
        let back = section.optional("return_after", .duration(.zero ... .seconds(86_400)))
        plan.returnAfter = back.value
        if let place = back.place, plan.stay == nil {
            section.decoding.report(
                place, .conflict("\"\(back.path)\" has no meaning without \"stay\": nobody leaves"),
                hint: "Add \"stay: 30s\", the mean of their stays.")
        }
        let version = section.value("http", ValueKind<Version>.choice, standard: .http2)
        plan.version = version.value
        plan.isTLS = section.value("tls", .truth, standard: false).value
        let shared = section.value("per_connection", .integer(1...64), standard: 1)
        plan.perConnection = shared.value
        if plan.version == .http1, shared.value > 1, let place = shared.place {
            section.decoding.report(
                place,
                .conflict("viewers cannot share a connection in HTTP/1.1, where an answer that is held blocks it"),
                hint: "Use \"http: http2\", or remove \"per_connection\".")
        }
        plan.rendition = section.value("rendition", ValueKind<Rendition>.choice, standard: .highest).value
        let from = section.value("from", ValueKind<Place>.choice, standard: .edges)
        (plan.from, plan.fromPlace) = (from.value, from.place)
        let watch = section.optional("watch", .name("a publishers' group"))
        (plan.watches, plan.watchesPlace) = (watch.value, watch.place)
        plan.sampled = section.value("sampled", .share, standard: plan.sampled).value
        plan.regions = section.values("regions", .address).value ?? []
        if plan.kind == .browser, count.value > 4 {
            section.decoding.report(
                count.place ?? section.place, .conflict("\(count.value) browsers would measure each other"),
                hint: "Use at most 4.")
        }
        return plan
    }

    /// Places say where a value was written; two plans are the same without them.
    package static func == (a: ViewerPlan, b: ViewerPlan) -> Bool {
        a.name == b.name && a.kind == b.kind && a.count == b.count && a.curve == b.curve && a.arriveAt == b.arriveAt
            && a.arriveOver == b.arriveOver && a.stay == b.stay && a.returnAfter == b.returnAfter
            && a.version == b.version && a.isTLS == b.isTLS && a.perConnection == b.perConnection
            && a.rendition == b.rendition && a.from == b.from && a.watches == b.watches && a.sampled == b.sampled
            && a.regions == b.regions
    }
}

extension ValueKind where Value == Double {
    /// A share from 0 to 1.
    static var share: Self {
        ValueKind(
            expectation: "a share such as 0.01", allowed: "0 to 1", acceptsQuotes: false,
            read: { text throws(ValueFlaw) in
                guard let value = Double(text), value.isFinite else {
                    throw .malformed(reason: "this is not a number", hint: "Write for example 0.01.")
                }
                guard (0...1).contains(value) else { throw .outOfRange(value: text, allowed: "0 to 1") }
                return value
            },
            write: { "\($0)" })
    }
}

extension ValueKind where Value == String {
    /// An IP address.
    static var address: Self {
        .text("an IP address", maximumLength: 45, rule: "digits, letters a to f, \".\" and \":\"") { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "."),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
    }
}

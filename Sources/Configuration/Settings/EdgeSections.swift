/// A server from which an edge fetches: the origin, another edge, or any HTTP server.
package struct UpstreamConfiguration: Equatable, Sendable {
    package var url: HTTPURL
    /// PEM file of the certificates to trust in place of the system's; nil for the system's.
    package var authorityPath: String?
    /// False when the upstream's certificate is not checked: anyone between can then change what viewers see.
    package var verifiesCertificate = true
    /// For a connection to open and, longer than that of a parked playlist request, for an answer to begin or go on.
    package var timeout = Duration.seconds(15)
    package var push = PushPolicy.auto
    package var http2 = HTTP2Policy.auto

    /// When an upstream is asked in HTTP/2.
    package enum HTTP2Policy: String, CaseIterable, Sendable {
        /// Over TLS where ALPN agrees on it, in the clear where the upstream offers it.
        case auto
        /// The same, and in the clear from the first byte on.
        case always
        case off
    }

    /// Whether an upstream pushes.
    package enum PushPolicy: String, CaseIterable, Sendable {
        /// Where it offers to.
        case auto
        /// Everything is asked for.
        case off
    }

    package init(url: HTTPURL) {
        self.url = url
    }

    static func read(_ section: Section) -> (upstream: UpstreamConfiguration, url: Setting<HTTPURL>) {
        let standIn = HTTPURL(isSecure: true, host: "127.0.0.1", port: 8443)
        let url = section.required("url", .origin, standIn: standIn)
        let authority = section.optional(
            "ca", .path("the path of PEM certificates to trust", checkedBy: section.decoding.files))
        let insecure = section.value("insecure", .truth, standard: false)
        if let place = authority.place, url.isSound, !url.value.isSecure {
            section.decoding.report(
                place, .conflict("\"\(authority.path)\" has no meaning for an http URL"),
                hint: "Use https, or remove it.")
        }
        if let place = insecure.place, insecure.value, authority.place != nil {
            section.decoding.report(
                place, .conflict("\"\(authority.path)\" and \"\(insecure.path)\" are both set"),
                hint: "Keep \"ca\": it is checked, \"insecure\" checks nothing.")
        }
        var upstream = UpstreamConfiguration(url: url.value)
        upstream.authorityPath = authority.value
        upstream.verifiesCertificate = !insecure.value
        upstream.timeout =
            section.value("timeout", .duration(.seconds(1) ... .seconds(120)), standard: upstream.timeout).value
        upstream.push = section.value("push", .choice, standard: upstream.push).value
        upstream.http2 = section.value("http2", .choice, standard: upstream.http2).value
        return (upstream, url)
    }
}

/// How an upstream that failed is tried again: after `first`, then twice as long each time up to `maximum`.
package struct RetryConfiguration: Equatable, Sendable {
    package var first = Duration.milliseconds(100)
    package var maximum = Duration.seconds(5)

    package init() {}

    init(_ section: Section) {
        let first = section.value("first", .duration(.milliseconds(10) ... .seconds(60)), standard: first)
        let maximum = section.value("maximum", .duration(.milliseconds(100) ... .seconds(600)), standard: maximum)
        section.requireOrder(first, maximum)
        (self.first, self.maximum) = (first.value, maximum.value)
    }
}

/// What is pushed to and from an edge.
package struct PushConfiguration: Equatable, Sendable {
    /// Whether other edges are pushed from here, which makes this one a shield.
    package var offer = true
    /// How long a rendition without viewers is still pushed.
    package var grace = Duration.seconds(10)

    package init() {}

    init(_ section: Section) {
        offer = section.value("offer", .truth, standard: offer).value
        grace = section.value("grace", .duration(.seconds(1) ... .seconds(3_600)), standard: grace).value
    }
}

/// What an edge keeps.
package struct CacheConfiguration: Equatable, Sendable {
    /// Budget of bodies in memory, in bytes.
    package var memoryBytes = 512 << 20
    /// Largest body that is kept, in bytes; larger ones pass through.
    package var objectBytes = 64 << 20
    /// Budget of what one live channel holds, in bytes.
    package var channelBytes = 256 << 20
    /// Nil for memory alone.
    package var disk: DiskCacheConfiguration?

    package init() {}

    init(_ section: Section) {
        let memory = section.value("memory", .byteSize(16 << 20...1 << 40), standard: memoryBytes)
        let object = section.value(
            "object", .byteSize(64 << 10...4 << 30), standard: min(objectBytes, memory.value))
        section.requireOrder(object, memory)
        let channel = section.value(
            "channel", .byteSize(1 << 20...1 << 40), standard: min(channelBytes, memory.value))
        section.requireOrder(channel, memory)
        (memoryBytes, objectBytes, channelBytes) = (memory.value, object.value, channel.value)
        disk = section.optionalSection("disk", DiskCacheConfiguration.init)
    }
}

/// Files that hold what an edge keeps, beside its memory and beyond its life.
package struct DiskCacheConfiguration: Equatable, Sendable {
    /// This edge's alone.
    package let directory: String
    /// Budget of the files, in bytes.
    package let bytes: Int

    init(_ section: Section) {
        directory = section.required("directory", .path("the path of a directory"), standIn: "").value
        bytes = section.value("bytes", .byteSize(1 << 20...1 << 50), standard: 16 << 30).value
    }
}

/// How many cores an edge's event loops use, one each.
package enum CoreCount: Equatable, Sendable {
    /// As many as this process may run on.
    case auto
    case exactly(Int)

    static var kind: ValueKind<CoreCount> {
        let number = ValueKind.integer(1...256)
        return ValueKind<CoreCount>(
            expectation: "auto or a whole number", allowed: "auto, or 1 to 256",
            read: { text throws(ValueFlaw) in text == "auto" ? .auto : .exactly(try number.read(text)) },
            write: { count in
                switch count {
                case .auto: "auto"
                case .exactly(let count): String(count)
                }
            })
    }
}

/// Where operators purge. It answers nobody without the token.
package struct AdminConfiguration: Equatable, Sendable {
    package let listen: [ListenAddress]
    /// A file whose first line is the bearer token.
    package let tokenPath: String

    init(_ section: Section, _ listen: Setting<[ListenAddress]>) {
        self.listen = listen.value
        tokenPath =
            section.required(
                "token_file", .path("the path of a file with a token", checkedBy: section.decoding.files), standIn: ""
            ).value
    }
}

/// The watch page.
package struct WatchConfiguration: Equatable, Sendable {
    /// Where the page's hls.js comes from.
    package enum Player: Equatable, Sendable {
        /// A file that the edge serves.
        case file(String)
        /// A script that browsers load themselves.
        case url(HTTPURL)
    }

    /// The standard file need not be there: the page then plays natively or says what is missing.
    package var player = Player.file(".needletail/hls.js")

    package init() {}

    init(_ section: Section) {
        let files = section.decoding.files
        let kind = ValueKind<Player>(
            expectation: "the path or URL of hls.js",
            read: { text throws(ValueFlaw) in
                if text.contains("://") { return .url(try HTTPURL.read(text)) }
                return .file(try ValueKind.path("the path of hls.js", checkedBy: files).read(text))
            },
            write: { player in
                switch player {
                case .file(let path): path
                case .url(let url): url.description
                }
            })
        player = section.value("hls_js", kind, standard: player).value
    }
}

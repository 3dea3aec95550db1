import Configuration

/// What is measured: nodes that the run starts, or servers that are there.
package struct TargetPlan: Equatable, Sendable {
    /// Nodes of this project, started for the run on ports of the system's choice.
    package struct Started: Equatable, Sendable {
        package var edges = 1
        /// An edge between the origin and the others.
        package var hasShield = false
        package var part = Duration.milliseconds(333)
        package var segment = Duration.seconds(2)
        package var network = Network.loopback

        /// Where the nodes are.
        package enum Network: String, CaseIterable, Sendable {
            /// All on 127.0.0.1.
            case loopback
            /// Each in a network namespace of its own.
            case namespaces
        }

        package init() {}

        init(_ section: Section) {
            edges = section.value("edges", .integer(0...64), standard: edges).value
            hasShield = section.value("shield", .truth, standard: hasShield).value
            part =
                section.value("part", .duration(.milliseconds(100) ... .seconds(2)), standard: .milliseconds(333)).value
            segment = section.value("segment", .duration(.seconds(1) ... .seconds(30)), standard: segment).value
            network = section.value("network", .choice, standard: network).value
        }
    }

    /// Any server that takes RTMP and gives HLS.
    package struct Given: Equatable, Sendable {
        package var rtmp = RTMPTarget(host: "127.0.0.1", port: 1935, app: "live")
        /// Viewers are spread over these in turn.
        package var viewers: [HTTPURL] = []
        /// Where a probe learns when a part is published; without it that stage is counted with the next.
        package var origin: HTTPURL?
        /// Path of a stream's playlist, with `{key}` in place of its key.
        package var playlist = "/live/{key}/index.m3u8"
        /// False when a server's certificate is not checked.
        package var verifiesCertificate = true
        /// Processes whose CPU and memory are recorded, by the names of their programs.
        package var processes: [String] = []

        package init() {}

        init(_ section: Section) {
            rtmp = section.value("rtmp", .rtmp, standard: rtmp).value
            let urls = section.values("viewers", ValueKind<HTTPURL>.origin)
            if section.isSound, urls.isSound, urls.value?.isEmpty != false, !section.decoding.isDescribing {
                section.decoding.report(
                    urls.place ?? section.place,
                    .missingKey(urls.path, expected: "the URL of a server that viewers ask"),
                    hint: "Add \"viewers: http://127.0.0.1:8081\", or a list of them.")
            }
            viewers = urls.value ?? []
            origin = section.optional("origin", ValueKind<HTTPURL>.origin).value
            playlist = section.value("playlist", .playlistPath, standard: playlist).value
            verifiesCertificate = !section.value("insecure", .truth, standard: false).value
            processes = section.values("processes", .name("a program's name")).value ?? []
        }
    }

    package var start = Started()
    /// Nil where nodes are started.
    package var given: Given?

    package init() {}

    init(_ section: Section) {
        given = section.optionalSection("given", Given.init)
        let (start, isPresent) = section.section("start", Started.init)
        self.start = start
        if isPresent, given != nil, !section.decoding.isDescribing {
            section.decoding.report(
                section.place, .conflict("\"\(section.childPath("start"))\" and \"given\" are both set"),
                hint: "Keep the one that the run is about.")
        }
    }

    /// Whether nodes have links of their own, on which faults can be.
    package var hasNodeLinks: Bool { given == nil && start.network == .namespaces }

    /// Nodes that faults may name.
    package var nodeNames: [String] {
        guard given == nil else { return [] }
        return ["origin"] + (start.hasShield ? ["shield"] : []) + (0..<start.edges).map { "edge-\($0 + 1)" }
    }
}

/// Where a publisher connects: `rtmp://host:port/app`.
package struct RTMPTarget: Equatable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int
    package var app: String

    package init(host: String, port: Int, app: String) {
        self.host = host
        self.port = port
        self.app = app
    }

    package var description: String { "rtmp://\(host):\(port)/\(app)" }
}

extension ValueKind where Value == RTMPTarget {
    static var rtmp: Self {
        ValueKind(
            expectation: "a URL such as rtmp://127.0.0.1:1935/live",
            read: { text throws(ValueFlaw) in
                let hint = "Write for example rtmp://127.0.0.1:1935/live."
                guard text.hasPrefix("rtmp://") else {
                    throw .malformed(reason: "this is not an rtmp URL", hint: hint)
                }
                let rest = text.dropFirst(7).split(separator: "/", maxSplits: 1)
                guard rest.count == 2, let (host, port) = splitHostAndPort(rest[0]), !host.isEmpty,
                    let number = port.map({ UInt16($0) }) ?? 1935
                else { throw .malformed(reason: "host, port and application are needed", hint: hint) }
                return RTMPTarget(host: host, port: Int(number), app: String(rest[1]))
            },
            write: { $0.description })
    }
}

extension ValueKind where Value == String {
    /// A path with `{key}` in it.
    static var playlistPath: Self {
        ValueKind(
            expectation: "a path such as /live/{key}/index.m3u8",
            read: { text throws(ValueFlaw) in
                guard text.first == "/", text.utf8.count <= 512, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                    throw .malformed(reason: "this is not a path", hint: "Write for example /live/{key}/index.m3u8.")
                }
                return text
            },
            write: { $0 })
    }
}

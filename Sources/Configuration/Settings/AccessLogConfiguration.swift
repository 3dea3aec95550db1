/// Whether a line is written for each request that has ended, where to, and how it looks.
package struct AccessLogConfiguration: Equatable, Sendable {
    package enum Destination: Equatable, Sendable {
        case off
        case standardOutput
        case file(String)
    }

    package enum Format: String, CaseIterable, Sendable {
        /// One JSON object a line.
        case json
        /// Apache's and nginx's combined format, with more behind it.
        case combined
    }

    package var destination = Destination.off
    package var format = Format.json
    /// Bytes of lines that may wait for the disk.
    package var bufferBytes = 4 << 20

    package init() {}

    init(_ section: Section) {
        let kind = ValueKind<Destination>(
            expectation: "the path of a file, - for standard output, or off",
            read: { text throws(ValueFlaw) in
                switch text {
                case "off": return .off
                case "-": return .standardOutput
                default: return .file(try ValueKind.path("the path of a file").read(text))
                }
            },
            write: { destination in
                switch destination {
                case .off: "off"
                case .standardOutput: "-"
                case .file(let path): path
                }
            })
        destination = section.value("path", kind, standard: destination).value
        format = section.value("format", .choice, standard: format).value
        bufferBytes = section.value("buffer", .byteSize(64 << 10...1 << 30), standard: bufferBytes).value
    }
}

/// What a media URI below `/live/{channel}/{rendition}/` names.
package enum MediaLookup: Equatable, Sendable {
    case initSection(Int)
    case segment(Int64)
    case part(MediaPosition)
    /// The part of the preload hint: hold the request until `target` is reached, then look up again.
    case hinted(MediaPosition, target: HoldTarget)
    /// It was here and its time is over.
    case gone
    case unknown
}

extension LiveTimeline {
    /// Path of an init section relative to the playlist.
    func initURI(_ number: Int) -> String { number == 0 ? "\(epoch)/init.mp4" : "\(epoch)/init-\(number).mp4" }

    /// Looks up `{epoch}/init.mp4`, `{epoch}/init-{n}.mp4`, `{epoch}/{msn}.m4s` or `{epoch}/{msn}.{part}.m4s`.
    package func media(_ name: some StringProtocol) -> MediaLookup {
        let steps = name.split(separator: "/", omittingEmptySubsequences: false)
        guard steps.count == 2, steps[0] == epoch else { return .unknown }
        let file = steps[1].split(separator: ".", omittingEmptySubsequences: false)
        if file.count == 2, file[1] == "mp4" { return initSection(file[0]) }
        guard file.last == "m4s", let sequence = Self.number(file[0]) else { return .unknown }
        switch file.count {
        case 2: return lookUp(segment: sequence)
        case 3:
            guard let part = Self.number(file[1]).flatMap({ Int(exactly: $0) }) else { return .unknown }
            return lookUp(MediaPosition(sequence: sequence, part: part))
        default: return .unknown
        }
    }

    private func initSection(_ stem: some StringProtocol) -> MediaLookup {
        if stem == "init" { return .initSection(0) }
        guard stem.hasPrefix("init-"), let number = Self.number(stem.dropFirst(5)), number > 0 else { return .unknown }
        return Int(exactly: number).map { .initSection($0) } ?? .unknown
    }

    private func lookUp(segment sequence: Int64) -> MediaLookup {
        if let found = segment(sequence) { return found.isComplete ? .segment(sequence) : .unknown }
        return hasDeparted(sequence) ? .segment(sequence) : wasBefore(sequence)
    }

    private func lookUp(_ wanted: MediaPosition) -> MediaLookup {
        if let found = segment(wanted.sequence), wanted.part < found.parts.count { return .part(wanted) }
        if hasDeparted(wanted.sequence) { return .part(wanted) }
        if wanted == hinted { return .hinted(wanted, target: .part(wanted)) }
        return wasBefore(wanted.sequence)
    }

    private func wasBefore(_ sequence: Int64) -> MediaLookup {
        guard let first = segments.first, sequence < first.sequence else { return .unknown }
        return .gone
    }

    /// A number as this server writes it: no sign, no leading zero, at most 15 digits.
    private static func number(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty, text.utf8.count <= 15, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text.utf8.count == 1 || text.utf8.first != 0x30
        else { return nil }
        return Int64(text)
    }
}

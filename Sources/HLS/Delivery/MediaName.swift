/// What a media URI below `/live/{channel}/{rendition}/` names.
package enum MediaLookup: Equatable, Sendable {
    case initSection(Int)
    case segment(Int64)
    case part(MediaPosition)
    /// The part of the preload hint: hold the request until `target` is satisfied, then look up again. `.unknown` then
    /// means that the hint did not come true, which is answered 404 (6.2.6).
    case hinted(MediaPosition, target: HoldTarget)
    /// It was here and its time is over.
    case gone
    /// It never was here, or has not been announced, or is a gap: 404 (6.2.6).
    case unknown
}

/// The names that media has below an epoch.
package enum MediaName: Equatable, Sendable {
    case initSection(Int)
    case segment(Int64)
    case part(Int64, Int)

    /// Reads `init.mp4`, `init-{n}.mp4`, `{msn}.m4s` or `{msn}.{part}.m4s`, exactly as this server writes them: media
    /// has one name, or caches would hold it twice.
    package init?(_ file: some Collection<UInt8>) {
        var rest = file[...]
        if rest.skip("init") {
            var number = 0
            if rest.skip("-") {
                guard let later = rest.takeNumber(), later > 0 else { return nil }
                number = Int(later)
            }
            guard rest.elementsEqual(".mp4".utf8) else { return nil }
            self = .initSection(number)
            return
        }
        guard let sequence = rest.takeNumber() else { return nil }
        if rest.elementsEqual(".m4s".utf8) {
            self = .segment(sequence)
            return
        }
        guard rest.skip("."), let part = rest.takeNumber(), rest.elementsEqual(".m4s".utf8) else { return nil }
        self = .part(sequence, Int(part))
    }
}

extension MediaName {
    /// The name as it stands at the end of a URI.
    package var file: String {
        switch self {
        case .initSection(let number): number > 0 ? "init-\(number).mp4" : "init.mp4"
        case .segment(let sequence): "\(sequence).m4s"
        case .part(let sequence, let part): "\(sequence).\(part).m4s"
        }
    }
}

extension Collection<UInt8> where SubSequence == Self {
    /// Takes `text` off the front, if it is there.
    fileprivate mutating func skip(_ text: StaticString) -> Bool {
        let prefix = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard starts(with: prefix) else { return false }
        removeFirst(prefix.count)
        return true
    }

    /// Takes a number off the front as this server writes it: no sign, no leading zero, at most 18 digits.
    fileprivate mutating func takeNumber() -> Int64? {
        let digits = prefix { (0x30...0x39).contains($0) }
        guard let first = digits.first, digits.count <= 18, first != 0x30 || digits.count == 1 else { return nil }
        removeFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}

extension LiveTimeline {
    /// Looks up `{epoch}/init.mp4`, `{epoch}/init-{n}.mp4`, `{epoch}/{msn}.m4s` or `{epoch}/{msn}.{part}.m4s`.
    package func media(_ name: some StringProtocol) -> MediaLookup { media(bytes: name.utf8) }

    /// The same for the raw bytes of a path, which is taken as it is: nothing is decoded.
    package func media(bytes name: some Collection<UInt8>) -> MediaLookup {
        guard name.starts(with: constants.mediaPrefix) else { return .unknown }
        switch MediaName(name.dropFirst(constants.mediaPrefix.count)) {
        case .initSection(let number): return needsInitSection(number) ? .initSection(number) : .unknown
        case .segment(let sequence): return lookUp(segment: sequence)
        case .part(let sequence, let part): return lookUp(MediaPosition(sequence: sequence, part: part))
        case nil: return .unknown
        }
    }

    private func lookUp(segment sequence: Int64) -> MediaLookup {
        guard let found = segment(sequence) ?? departed[sequence] else { return absent(sequence) }
        return found.isComplete && !found.isGap ? .segment(sequence) : .unknown
    }

    private func lookUp(_ wanted: MediaPosition) -> MediaLookup {
        if wanted == hinted { return .hinted(wanted, target: .hint(wanted)) }
        guard let found = segment(wanted.sequence) ?? departed[wanted.sequence] else { return absent(wanted.sequence) }
        return wanted.part < found.parts.count && !found.parts[wanted.part].isGap ? .part(wanted) : .unknown
    }

    private func absent(_ sequence: Int64) -> MediaLookup {
        sequence >= firstSequence && sequence < mediaSequence ? .gone : .unknown
    }
}

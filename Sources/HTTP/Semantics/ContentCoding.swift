/// The codings in which a body can be sent (RFC 9110, 8.4.1).
package enum ContentCoding: Sendable, Hashable, CaseIterable {
    case identity, gzip, zstd

    /// As Content-Encoding names it.
    package var name: StaticString {
        switch self {
        case .identity: "identity"
        case .gzip: "gzip"
        case .zstd: "zstd"
        }
    }

    /// The coding of `offered`, best first, that a request prefers by its Accept-Encoding (RFC 9110, 12.5.3).
    ///
    /// The highest weight wins and the order of `offered` decides between equals. Identity is taken where nothing better is
    /// accepted, also where the request refuses it: a body in a coding that was not asked for helps nobody, and a 406 even
    /// less. Without the field that is identity. A malformed member is as if it were not there.
    package static func negotiate(_ fields: HTTPFields, offered: [ContentCoding]) -> ContentCoding {
        var weights = Weights()
        for (name, line) in fields where name.isEqual(to: "accept-encoding") {
            for member in ListMembers(line) {
                guard let (coding, weight) = Self.parse(member) else { continue }
                weights.note(coding, weight)
            }
        }
        var best = ContentCoding.identity
        // Identity that is not named is acceptable, and worth less than anything that is.
        var bestWeight = weights.identity ?? 0
        for coding in offered where coding != .identity {
            let weight = weights.weight(of: coding)
            // A compressed form is worth having at the weight of the plain one.
            let isBetter = best == .identity ? weight >= bestWeight && weight > 0 : weight > bestWeight
            if isBetter {
                best = coding
                bestWeight = weight
            }
        }
        return best
    }

    /// Weights in thousandths, nil for what is not named.
    private struct Weights {
        var identity: Int?
        private var gzip: Int?
        private var zstd: Int?
        private var others: Int?

        mutating func note(_ coding: HTTPBytes, _ weight: Int) {
            if coding.isEqual(to: "*") {
                others = weight
            } else if coding.isEqualIgnoringCase(to: "gzip") || coding.isEqualIgnoringCase(to: "x-gzip") {
                gzip = weight
            } else if coding.isEqualIgnoringCase(to: "zstd") {
                zstd = weight
            } else if coding.isEqualIgnoringCase(to: "identity") {
                identity = weight
            }
        }

        func weight(of coding: ContentCoding) -> Int {
            switch coding {
            case .identity: identity ?? others ?? 0
            case .gzip: gzip ?? others ?? 0
            case .zstd: zstd ?? others ?? 0
            }
        }
    }

    /// A coding and its weight in thousandths.
    private static func parse(_ member: HTTPBytes) -> (HTTPBytes, Int)? {
        guard let semicolon = member.firstIndex(of: UInt8(ascii: ";")) else { return (member, 1000) }
        let coding = member[..<semicolon].trimmingBlanks()
        let parameter = member[member.index(after: semicolon)...].trimmingBlanks()
        guard parameter.prefix(2).isEqualIgnoringCase(to: "q="), let weight = weight(parameter.dropFirst(2)) else {
            return nil
        }
        return (coding, weight)
    }

    /// qvalue (RFC 9110, 12.4.2): 0 to 1 with up to three decimals, in thousandths.
    private static func weight(_ bytes: HTTPBytes) -> Int? {
        guard let first = bytes.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1"), bytes.count <= 5 else {
            return nil
        }
        var value = Int(first - 0x30) * 1000
        if bytes.count > 1 {
            guard bytes[bytes.startIndex + 1] == UInt8(ascii: ".") else { return nil }
            var unit = 100
            for byte in bytes.dropFirst(2) {
                guard CharacterClass.isDigit(byte) else { return nil }
                value += Int(byte - 0x30) * unit
                unit /= 10
            }
        }
        return value <= 1000 ? value : nil
    }
}

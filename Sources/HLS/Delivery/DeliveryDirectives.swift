/// What a client asks of a playlist by its query (6.2.5).
package struct DeliveryDirectives: Sendable, Equatable {
    /// `_HLS_msn`: hold until this media sequence number, or a part of it, is listed.
    package var msn: Int64?
    /// `_HLS_part`: the part of that segment to wait for.
    package var part: Int?
    /// `_HLS_skip`: a delta update is welcome.
    package var skip: SkipRequest?

    package init(msn: Int64? = nil, part: Int? = nil, skip: SkipRequest? = nil) {
        self.msn = msn
        self.part = part
        self.skip = skip
    }

    /// Reads the directives of a raw query such as `_HLS_msn=12&_HLS_part=3`. Other keys are ignored.
    ///
    /// - Throws: `DirectiveError`, which a server answers with 400.
    package static func parse(query: some Sequence<UInt8>) throws(DirectiveError) -> DeliveryDirectives {
        var directives = DeliveryDirectives()
        for item in Array(query).split(separator: UInt8(ascii: "&")) {
            let equals = item.firstIndex(of: UInt8(ascii: "=")) ?? item.endIndex
            let name = item[..<equals]
            let value = equals < item.endIndex ? item[item.index(after: equals)...] : []
            if name.elementsEqual("_HLS_msn".utf8) {
                guard directives.msn == nil else { throw .repeated("_HLS_msn") }
                directives.msn = try number(value, of: "_HLS_msn")
            } else if name.elementsEqual("_HLS_part".utf8) {
                guard directives.part == nil else { throw .repeated("_HLS_part") }
                directives.part = Int(try number(value, of: "_HLS_part"))
            } else if name.elementsEqual("_HLS_skip".utf8) {
                guard directives.skip == nil else { throw .repeated("_HLS_skip") }
                guard let skip = SkipRequest(value) else { throw .unknownSkip }
                directives.skip = skip
            }
        }
        if directives.part != nil && directives.msn == nil { throw .partWithoutSequence }
        return directives
    }

    /// Up to 15 digits: no sequence number is longer, and no sum of two can overflow.
    private static func number(_ digits: ArraySlice<UInt8>, of name: String) throws(DirectiveError) -> Int64 {
        guard !digits.isEmpty, digits.count <= 15 else { throw .notANumber(name) }
        var value: Int64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { throw .notANumber(name) }
            value = value * 10 + Int64(digit - 0x30)
        }
        return value
    }
}

/// The value of `_HLS_skip` (6.2.5.1).
package enum SkipRequest: Hashable, Sendable {
    /// `YES`: old segments may be replaced by a SKIP tag.
    case segments
    /// `v2`: date ranges too.
    case segmentsAndDateRanges

    init?(_ value: ArraySlice<UInt8>) {
        if value.elementsEqual("YES".utf8) {
            self = .segments
        } else if value.elementsEqual("v2".utf8) {
            self = .segmentsAndDateRanges
        } else {
            return nil
        }
    }
}

/// A query that breaks 6.2.5.
package enum DirectiveError: Error, Equatable, CustomStringConvertible {
    case notANumber(String)
    case repeated(String)
    case partWithoutSequence
    case unknownSkip

    package var description: String {
        switch self {
        case .notANumber(let name): "\(name) must be a non-negative decimal number."
        case .repeated(let name): "\(name) is given more than once."
        case .partWithoutSequence: "_HLS_part is given without _HLS_msn; give both."
        case .unknownSkip: "_HLS_skip must be YES or v2."
        }
    }
}

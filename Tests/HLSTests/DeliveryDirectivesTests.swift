import Testing

@testable import HLS

/// 6.2.5: the query of a playlist request.
struct DeliveryDirectivesTests {
    @Test(
        "6.2.5: directives are read, other keys ignored",
        arguments: [
            ("", DeliveryDirectives()),
            ("a=b&c", DeliveryDirectives()),
            ("_HLS_msn=12", DeliveryDirectives(msn: 12)),
            ("_HLS_msn=0&_HLS_part=0", DeliveryDirectives(msn: 0, part: 0)),
            ("_HLS_part=3&token=x%3D&_HLS_msn=12&&", DeliveryDirectives(msn: 12, part: 3)),
            ("_HLS_msn=007", DeliveryDirectives(msn: 7)),
            ("_HLS_msn=999999999999999", DeliveryDirectives(msn: 999_999_999_999_999)),
            ("_HLS_skip=YES", DeliveryDirectives(skip: .segments)),
            ("_HLS_skip=v2&_HLS_msn=5", DeliveryDirectives(msn: 5, skip: .segmentsAndDateRanges)),
            ("_hls_msn=x&_HLS_msn2=x&x_HLS_msn=x&_HLS_push=1", DeliveryDirectives()),
        ])
    func reads(query: String, expected: DeliveryDirectives) throws {
        #expect(try DeliveryDirectives.parse(query: query.utf8) == expected)
    }

    @Test(
        "6.2.5.2: what is malformed is refused",
        arguments: [
            ("_HLS_part=1", DirectiveError.partWithoutSequence),
            ("_HLS_msn", .notANumber("_HLS_msn")),
            ("_HLS_msn=", .notANumber("_HLS_msn")),
            ("_HLS_msn=x", .notANumber("_HLS_msn")),
            ("_HLS_msn=-1", .notANumber("_HLS_msn")),
            ("_HLS_msn=+1", .notANumber("_HLS_msn")),
            ("_HLS_msn=1.5", .notANumber("_HLS_msn")),
            ("_HLS_msn=1%30", .notANumber("_HLS_msn")),
            ("_HLS_msn=9999999999999999", .notANumber("_HLS_msn")),
            ("_HLS_msn=99999999999999999999999999", .notANumber("_HLS_msn")),
            ("_HLS_msn=1=1", .notANumber("_HLS_msn")),
            ("_HLS_msn=1&_HLS_part=", .notANumber("_HLS_part")),
            ("_HLS_msn=1&_HLS_part=-2", .notANumber("_HLS_part")),
            ("_HLS_msn=1&_HLS_msn=1", .repeated("_HLS_msn")),
            ("_HLS_msn=1&_HLS_part=1&_HLS_part=2", .repeated("_HLS_part")),
            ("_HLS_skip=YES&_HLS_skip=v2", .repeated("_HLS_skip")),
            ("_HLS_skip=no", .unknownSkip),
            ("_HLS_skip", .unknownSkip),
        ])
    func refuses(query: String, error: DirectiveError) {
        #expect(throws: error) { try DeliveryDirectives.parse(query: query.utf8) }
    }
}

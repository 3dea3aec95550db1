import AccessLog
import Testing

@testable import Edge

/// What a plane notes for another is what the access log tells.
@Suite struct CacheResultTests {
    @Test(arguments: [
        ("edge; hit; ttl=3", CacheResult.hit), ("edge; hit; ttl=-1; detail=stale", .stale),
        ("edge; hit; ttl=24; detail=pushed", .pushed), ("edge; fwd=miss; fwd-status=200; stored; ttl=2", .miss),
        ("edge; fwd=miss; fwd-status=404; collapsed; ttl=1", .collapsed),
        ("edge; fwd=stale; fwd-status=304; stored; ttl=9", .revalidated), ("edge; fwd=method; fwd-status=200", .method),
        ("edge; fwd=request; fwd-status=206", .request), ("edge; fwd=bypass; fwd-status=500", .bypass),
    ])
    func isReadFromItsNote(note: String, expected: CacheResult) { #expect(CacheResult(note: note) == expected) }

    @Test(arguments: ["", "edge", "edge; ttl=1", "edge; hit; fwd=miss"]) func elseItIsUnknown(note: String) {
        #expect(CacheResult(note: note) == nil)
    }
}

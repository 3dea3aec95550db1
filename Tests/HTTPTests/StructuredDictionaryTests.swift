import Testing

@testable import HTTP

/// RFC 9651, 3.2 and 4.2: whole or not at all.
@Suite struct StructuredDictionaryTests {
    @Test(
        arguments: [
            "max-age=3600", "a", "a, b", "a=1, b=?0", "a=-1", "a=1.5", "a=\"x\\\"y\\\\\"", "a=tok/en:*", "a=:AGk=:",
            "a=@12",
            "a=(1 2);q=1, b", "a=()", "a=( \"x\";p  y )", "a;p;q=2, b;r=\"s\"", "  a=1  ", "a=1 ,\tb=2", "*a=1",
            "a.b_c-d*=1", "",
        ]) func isRead(text: String)
    {
        #expect(StructuredDictionary([HTTPBytes(text)]) != nil)
    }

    @Test(
        arguments: [
            "a=1,", "a=1,,b", "A=1", "a=", "a= 1", "a =1", "a=1 b", "&&&&&", "a=1, &&&&&", "a=\"x", "a=\"\u{1}\"",
            "a=\"\\x\"",
            "a=?2", "a=1.", "a=1.2345", "a=1234567890123456", "a=(1", "a=(1\"2\")", "a=1;", "a=1;=2", "1=1", ":",
            "a=:?:", "a=@x",
            "a=-", "a=ü",
        ]) func isRefused(text: String)
    {
        #expect(StructuredDictionary([HTTPBytes(text)]) == nil)
    }

    @Test func theLastOfARepeatedKeyCounts() throws {
        let read = try #require(StructuredDictionary([HTTPBytes("a=1, b"), HTTPBytes("a=2")]))
        #expect(read["a"] == .integer(2))
        #expect(read["b"] == .truth(true))
        #expect(read.members.count == 2)
        #expect(read["c"] == nil)
    }
}

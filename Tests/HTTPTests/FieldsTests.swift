import Testing

@testable import HTTP

@Suite("Header fields")
struct FieldsTests {
    private func sample() -> HTTPFields {
        var fields = HTTPFields()
        fields.append("accept", "a")
        fields.append("x-one", "1")
        fields.append(name: "X-ONE".utf8, value: "2".utf8)
        fields.append("content-length", decimal: 12)
        return fields
    }

    @Test("Are found by their names in lower case, first and all")
    func finds() {
        let fields = sample()
        #expect(fields.count == 4)
        #expect(fields.text("x-one") == "1")
        #expect(fields.all("x-one").map(\.text) == ["1", "2"])
        #expect(fields.first("content-length")?.decimalValue == 12)
        #expect(fields.first(named: "x-one".utf8)?.text == "1")
        #expect(fields.first("x-on") == nil && fields.first("x-one1") == nil && fields.first("x-two") == nil)
        #expect(fields.contains("accept") && !fields.contains("Accept"))
        #expect(fields.first(named: "nothing".utf8) == nil && fields.all("nothing").isEmpty)
    }

    @Test("Keep their order and fold their names")
    func keepsOrder() {
        #expect(sample().map(\.name.text) == ["accept", "x-one", "x-one", "content-length"])
    }

    @Test("A copy is not changed with its original")
    func copies() {
        let before = sample()
        var after = before
        after.remove("x-one")
        after.set("accept", "b")
        #expect(before == sample())
        #expect(after.map { "\($0.name.text)=\($0.value.text)" } == ["content-length=12", "accept=b"])
    }

    @Test("Equal fields are equal whatever was removed on the way, in the same order alone")
    func compares() {
        var detour = HTTPFields()
        detour.append("x-gone", "y")
        detour.append(contentsOf: sample())
        #expect(detour != sample())
        detour.remove("x-gone")
        #expect(detour == sample())
        var reversed = HTTPFields()
        for (name, value) in sample().reversed() { reversed.append(name: name, value: value) }
        #expect(reversed != sample())
    }

    @Test(
        "Say whether any of them steers a cache",
        arguments: [
            "via", "range", "pragma", "expect", "if-match", "If-Range", "max-forwards", "Cache-Control",
            "if-none-match", "if-modified-since", "if-unmodified-since",
        ])
    func tellsSteering(name: String) {
        var fields = sample()
        #expect(!fields.steersCaches)
        fields.append(name: name.utf8, value: "x".utf8)
        #expect(fields.steersCaches)
        let kept = fields
        fields.clear()
        #expect(fields.isEmpty && !fields.steersCaches && kept.count == 5)
        fields.append(name: "x\(name)".utf8, value: "x".utf8)
        #expect(!fields.steersCaches && fields.count == 1 && kept.text("accept") == "a")
    }

    @Test("Can be filtered")
    func filters() {
        var fields = sample()
        fields.removeAll { name, value in name.isEqual(to: "x-one") && value.isEqual(to: "1") }
        #expect(fields.all("x-one").map(\.text) == ["2"])
    }

    @Test("A name that is no token is not taken", arguments: ["", "a b", "a:", "ü", "a\r\nb", ":path", "a\0"])
    func refusesNames(_ name: String) {
        var fields = HTTPFields()
        let isTaken = fields.append(name: name.utf8, value: "x".utf8)
        #expect(!isTaken)
        #expect(fields.isEmpty)
    }

    @Test("A name of 65,536 bytes is not taken")
    func refusesLongNames() {
        var fields = HTTPFields()
        let isLongTaken = fields.append(name: [UInt8](repeating: 0x61, count: 65_536), value: [])
        let isShorterTaken = fields.append(name: [UInt8](repeating: 0x61, count: 65_535), value: [])
        #expect(!isLongTaken && isShorterTaken && fields.count == 1)
    }

    @Test("Collections without contiguous bytes are taken too")
    func takesLazyBytes() {
        var fields = HTTPFields()
        fields.append(name: "AB".utf8.lazy.map { $0 }, value: "cd".utf8.lazy.map { $0 })
        fields.append("e", "fg".utf8.reversed())
        #expect(fields.description == "ab: cd\ne: gf")
    }

    @Test("Members of lists are found on any line, in letters of either case")
    func findsListMembers() {
        var fields = HTTPFields()
        fields.append("connection", "TE , , Keep-Alive")
        fields.append("connection", "upgrade")
        #expect(fields.list("connection", contains: "te"))
        #expect(fields.list("connection", contains: "keep-alive"))
        #expect(fields.list("connection", contains: "upgrade"))
        #expect(!fields.list("connection", contains: "keep"))
        #expect(!fields.list("te", contains: "te"))
    }

    @Test(
        "Lists are split at commas outside quoted strings",
        arguments: [
            ("", []), (" , ,", []), ("a", ["a"]), ("a,b", ["a", "b"]), (" a ,\tb ,", ["a", "b"]),
            ("\"a,b\", c", ["\"a,b\"", "c"]), ("\"a\\\",b\",c", ["\"a\\\",b\"", "c"]), ("\"a,b", ["\"a,b"]),
            ("a\\,b", ["a\\", "b"]),
        ])
    func splitsLists(_ value: String, _ members: [String]) {
        #expect(ListMembers(HTTPBytes(value)).map(\.text) == members)
    }

    @Test("The alphabets hold what the standards say", arguments: UInt8.min...UInt8.max)
    func alphabets(_ byte: UInt8) {
        let isAlphanumeric =
            byte < 128 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
        let isPrintable = (0x21...0x7e).contains(byte)
        #expect(CharacterClass.isToken(byte) == (isAlphanumeric || "!#$%&'*+-.^_`|~".utf8.contains(byte)))
        #expect(CharacterClass.isTarget(byte) == (isPrintable && !"\"#<>\\".utf8.contains(byte)))
        #expect(CharacterClass.isHostName(byte) == (isAlphanumeric || "-._~".utf8.contains(byte)))
        #expect(CharacterClass.isFieldValue(byte) == (byte == 9 || byte >= 32 && byte != 127))
        #expect(CharacterClass.isDigit(byte) == "0123456789".utf8.contains(byte))
        #expect(
            CharacterClass.hexValue(byte)
                == (byte < 128 ? Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init) : nil))
        #expect(CharacterClass.lowercased(byte) == (65...90 ~= byte ? byte + 32 : byte))
    }
}

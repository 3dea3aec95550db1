import Compression
import HTTP
import NIOCore
import Testing

@testable import Edge

@Suite("Files of the watch page under names with their hashes") struct WatchAssetsTests {
    private func assets(_ leaf: String = "export const one = 1;") -> WatchAssets {
        var assets = WatchAssets()
        assets.add("leaf.js", text: Array(leaf.utf8), contentType: "text/javascript")
        assets.add("page.js", text: Array(#"import { one } from "./leaf.js";"#.utf8), contentType: "text/javascript")
        return assets
    }

    /// The name that a page gives the file.
    private func name(_ plain: String, in assets: WatchAssets) throws -> HTTPBytes {
        let text = assets.withHashedNames("\"/watch/assets/\(plain)\"")
        return HTTPBytes(String(try #require(text.firstMatch(of: /assets\/([^"]+)"/)).1))
    }

    private func fields(_ acceptEncoding: String?) -> HTTPFields {
        var fields = HTTPFields()
        if let acceptEncoding { fields.append("accept-encoding", acceptEncoding) }
        return fields
    }

    @Test("a file under its hash is immutable, under its plain name it is asked for each time")
    func lifetimes() throws {
        let assets = assets()
        let hashed = try name("leaf.js", in: assets)
        #expect(hashed.text.wholeMatch(of: /leaf\.[0-9a-f]{16}\.js/) != nil)
        let kept = try #require(assets.answer(for: hashed, fields: fields(nil)))
        #expect(kept.head.fields.first("cache-control")?.text == "public, max-age=31536000, immutable")
        #expect(kept.head.fields.first("vary")?.text == "accept-encoding")
        #expect(String(buffer: kept.body) == "export const one = 1;")
        let plain = try #require(assets.answer(for: HTTPBytes("leaf.js"), fields: fields(nil)))
        #expect(plain.head.fields.first("cache-control")?.text == "no-cache")
        #expect(plain.body == kept.body)
    }

    @Test("other bytes have another name, here and in all that imports them; the old name answers no more")
    func names() throws {
        let (before, after) = (assets(), assets("export const one = 2;"))
        for file in ["leaf.js", "page.js"] {
            let old = try name(file, in: before)
            #expect(try name(file, in: after) != old)
            #expect(after.answer(for: old, fields: fields(nil)) == nil)
        }
        let importer = try #require(after.answer(for: try name("page.js", in: after), fields: fields(nil)))
        #expect(String(buffer: importer.body).contains(try name("leaf.js", in: after).text))
    }

    @Test(
        "gzip for whoever takes it",
        arguments: [("gzip", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false), ("br", false), (nil, false)]
            as [(String?, Bool)])
    func gzip(acceptEncoding: String?, isGzipped: Bool) throws {
        let assets = assets()
        let name = try name("leaf.js", in: assets)
        let answer = try #require(assets.answer(for: name, fields: fields(acceptEncoding)))
        #expect((answer.head.fields.first("content-encoding")?.text == "gzip") == isGzipped)
        let body = isGzipped ? Gzip.decompress(answer.body, limit: 1_000) : answer.body
        #expect(body.map { String(buffer: $0) } == "export const one = 1;")
    }
}

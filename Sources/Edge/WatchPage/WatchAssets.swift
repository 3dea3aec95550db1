import Compression
import Cryptography
import HTTP
import NIOCore

/// Files of the watch page, each under a name with the hash of its bytes: who has one by its name has it for ever.
///
/// Under its plain name a file can be had too, whatever its bytes are at present, and then it is asked for each time.
struct WatchAssets: Sendable {
    /// One file as it is sent.
    struct Asset: Sendable {
        /// `watch.1f2e3d4c5b6a7988.js`
        let name: String
        fileprivate let contentType: String
        fileprivate let bytes: ByteBuffer
        fileprivate let gzipped: ByteBuffer
    }

    private var assets: [String: Asset] = [:]
    private var plainNames: [HTTPBytes: Asset] = [:]
    private var hashedNames: [HTTPBytes: Asset] = [:]

    /// Adds a file. Names of files that are here already are replaced in a text by those with hashes.
    mutating func add(_ name: String, text: [UInt8], contentType: String) {
        add(name, bytes: ByteBuffer(string: withHashedNames(String(decoding: text, as: UTF8.self))), contentType)
    }

    /// Adds a file as it is.
    mutating func add(_ name: String, bytes: ByteBuffer, _ contentType: String) {
        let digest = bytes.withUnsafeReadableBytes { SHA256.digest(of: $0) }
        let hash = digest.prefix(8).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 0xf, radix: 16)
        }.joined()
        let (stem, suffix) = Self.split(name)
        let asset = Asset(
            name: "\(stem).\(hash).\(suffix)", contentType: contentType, bytes: bytes, gzipped: Gzip.compress(bytes))
        assets[name] = asset
        plainNames[HTTPBytes(name)] = asset
        hashedNames[HTTPBytes(asset.name)] = asset
    }

    private static func split(_ name: String) -> (stem: Substring, suffix: Substring) {
        guard let dot = name.lastIndex(of: ".") else { return (name[...], "") }
        return (name[..<dot], name[name.index(after: dot)...])
    }

    /// `text` with the names of all files that are here, as scripts (`"./NAME"`) and pages refer to them.
    func withHashedNames(_ text: String) -> String {
        assets.reduce(text) { text, entry in
            text.replacing("\"./\(entry.key)\"", with: "\"./\(entry.value.name)\"")
                .replacing("\"/watch/assets/\(entry.key)\"", with: "\"/watch/assets/\(entry.value.name)\"")
        }
    }

    /// The answer to a request for the file of that name; nil where there is none, or none any more.
    func answer(for name: HTTPBytes, fields: HTTPFields) -> (head: ResponseHead, body: ByteBuffer)? {
        if let asset = hashedNames[name] {
            return answer(asset, cacheControl: "public, max-age=31536000, immutable", fields)
        }
        return plainNames[name].map { answer($0, cacheControl: "no-cache", fields) }
    }

    private func answer(
        _ asset: Asset, cacheControl: String, _ fields: HTTPFields
    ) -> (head: ResponseHead, body: ByteBuffer) {
        let isGzipped = ContentCoding.negotiate(fields, offered: [.gzip]) == .gzip
        var head = ResponseHead(status: 200)
        head.fields.append("content-type", asset.contentType)
        head.fields.append("cache-control", cacheControl)
        if isGzipped { head.fields.append("content-encoding", "gzip") }
        head.fields.append("vary", "accept-encoding")
        return (head, isGzipped ? asset.gzipped : asset.bytes)
    }
}

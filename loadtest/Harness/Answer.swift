import Foundation

/// An answer that curl received.
package struct Answer {
    package let status: Int
    package let version: String
    package let headers: [String: String]
    package let body: Data
    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// Asks with curl, an HTTP implementation that is not ours.
package func curl(_ url: String, _ options: String...) throws -> Answer {
    let head = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: head) }
    let result = try run("curl", ["-sk", "--max-time", "15", "-D", head.path] + options + [url])
    let lines = ((try? String(contentsOf: head, encoding: .utf8)) ?? "").components(separatedBy: "\r\n")
    let status = (lines.first ?? "").split(separator: " ")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
        let pair = line.split(separator: ":", maxSplits: 1)
        if pair.count == 2 { headers[pair[0].lowercased()] = pair[1].trimmingCharacters(in: .whitespaces) }
    }
    return Answer(
        status: status.count > 1 ? Int(status[1]) ?? 0 : 0, version: status.first.map(String.init) ?? "",
        headers: headers, body: result.output)
}

/// Fields that end at this node (RFC 9110, 7.6.1; RFC 9111, 3.1): those that are known to, and those that the message's
/// own Connection field names. What is forwarded or kept is rebuilt without them.
package struct HopByHop {
    private let nominated: [HTTPBytes]

    package init(_ fields: HTTPFields) {
        nominated = fields.all("connection").flatMap { ListMembers($0) }
    }

    /// Whether the field with this name, in lower case, ends here.
    package func contains(_ name: HTTPBytes) -> Bool {
        if ConnectionField(name: name).map({ $0 != .contentLength && $0 != .host }) ?? Self.isForProxies(name) {
            return true
        }
        return nominated.contains { member in
            member.count == name.count && zip(member, name).allSatisfy { CharacterClass.lowercased($0) == $1 }
        }
    }

    private static func isForProxies(_ name: HTTPBytes) -> Bool {
        for known: StaticString in [
            "proxy-authenticate", "proxy-authentication-info", "proxy-authorization", "http2-settings",
        ] where name.isEqual(to: known) { return true }
        return false
    }
}

extension HTTPFields {
    /// Whether they ask for or offer another protocol on this connection (RFC 9110, 7.8).
    var isUpgrade: Bool { contains("upgrade") && list("connection", contains: "upgrade") }

    /// Says that the server speaks HTTP/2 in the clear to clients that begin with it, as a field of this connection alone:
    /// nobody between passes it on.
    package mutating func offerClearHTTP2() {
        set("connection", "upgrade")
        set("upgrade", "h2c")
    }

    package var offersClearHTTP2: Bool { isUpgrade && list("upgrade", contains: "h2c") }

    /// Removes what ends at this node.
    package mutating func removeHopByHop() {
        let hop = HopByHop(self)
        removeAll { name, _ in hop.contains(name) }
    }
}

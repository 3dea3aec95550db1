import struct NIOCore.ByteBuffer

/// Reads media, and judges its boxes: as players that pass over mistakes do, and as those that do not.
enum BoxRules {
    /// The init section's header; nil and a finding where it is unreadable.
    static func initSection(_ bytes: ByteBuffer, at url: WebAddress, desk: inout LintDesk) -> InitHeader? {
        let audit = BoxAudit(initSection: bytes)
        do throws(UnreadableMedia) {
            let header = try InitHeader(reading: bytes)
            tell(audit, at: url, desk: &desk)
            return header
        } catch {
            unreadable("\(error)", audit, at: url, desk: &desk)
            return nil
        }
    }

    /// The fragments of a part or a segment; nil and a finding where they are unreadable.
    static func fragments(
        _ bytes: ByteBuffer, _ header: InitHeader, at url: WebAddress, desk: inout LintDesk
    ) -> Fragments? {
        let audit = BoxAudit(fragments: bytes, header: header)
        do throws(UnreadableMedia) {
            let fragments = try Fragments(reading: bytes, header: header)
            tell(audit, at: url, desk: &desk)
            return fragments
        } catch {
            unreadable("\(bytes.readableBytes) bytes: \(error)", audit, at: url, desk: &desk)
            return nil
        }
    }

    private static func tell(_ audit: BoxAudit, at url: WebAddress, desk: inout LintDesk) {
        desk.judge(.mediaReadable, at: url, seen: nil)
        desk.judge(.boxesValid, at: url, seen: audit.faults.first)
        desk.judge(.mediaProfile, at: url, seen: audit.deviations.first)
    }

    /// Media that is unreadable because of its boxes breaks one rule, not two.
    private static func unreadable(_ why: String, _ audit: BoxAudit, at url: WebAddress, desk: inout LintDesk) {
        if let fault = audit.faults.first {
            desk.judge(.boxesValid, at: url, seen: fault)
        } else {
            desk.judge(.mediaReadable, at: url, seen: why)
        }
    }
}

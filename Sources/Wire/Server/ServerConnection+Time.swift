import NIOCore

/// What takes too long is ended, and what leaves ends politely.
extension ServerConnection {
    /// Called about once a second: ends what takes too long.
    func check(at now: NIODeadline) {
        // It may have closed since it was put on the list.
        guard context != nil else { return }
        if let stalledSince, now - stalledSince > TimeAmount(limits.stallTimeout) {
            registry.counters.stalledConnections &+= 1
            return closeNow()
        }
        switch farewell {
        case .none: break
        case .sending(let since, _):
            guard now - since > TimeAmount(limits.stallTimeout) else { return }
            registry.counters.stalledConnections &+= 1
            return closeNow()
        case .lingering(let since, _):
            if now - since > Farewell.time { context?.cut(isPolite: true) }
            return
        }
        let verdict =
            switch engine {
            case .undecided: now - openedAt > TimeAmount(limits.requestTimeout) ? Lateness.late : .fine
            case .http1(let server): server.lateness(at: now)
            case .http2(let server): server.lateness(at: now)
            case .loop, .closed: Lateness.fine
            }
        switch verdict {
        case .fine: if case .http2(let server) = engine, server.wantsWrite { pumpSoon() }
        case .idle: shutDown()
        case .late:
            registry.counters.timedOutConnections &+= 1
            switch engine {
            case .http1(let server): server.timeOut()
            case .http2(let server): server.timeOut()
            case .undecided, .loop, .closed: closeNow()
            }
            pumpSoon()
        case .stalled:
            registry.counters.stalledConnections &+= 1
            closeNow()
        }
    }

    /// Ends the connection in the protocol's own polite way once its requests are answered.
    func shutDown() {
        switch engine {
        case .http1(let server): server.shutDown()
        case .http2(let server): server.shutDown()
        case .undecided: closesAfterPump = true
        case .loop, .closed: return
        }
        pumpSoon()
    }

    /// Takes what requests are on their way, and ends after them: HTTP/2 by GOAWAY, HTTP/1.1 by an answer that says
    /// `Connection: close`. One that has not yet said what it speaks may say so.
    func leave() {
        guard leavingSince == nil else { return }
        leavingSince = .now()
        leaveEngine()
        pumpSoon()
    }

    func leaveEngine() {
        switch engine {
        case .http1(let server): server.leave()
        case .http2(let server): server.shutDown()
        case .undecided, .loop, .closed: break
        }
    }

    /// Called several times a second while it leaves: ends what has had nothing to say for `quiet`.
    func checkLeave(at now: NIODeadline, quiet: TimeAmount) {
        guard let leavingSince else { return }
        switch engine {
        case .undecided where now - leavingSince > quiet: shutDown()
        case .http1(let server):
            guard let idle = server.idleSince, now - max(idle, leavingSince) > quiet else { return }
            shutDown()
        case .http2(let server):
            server.checkLeave(at: now)
            pumpSoon()
        case .undecided, .loop: break
        case .closed: check(at: now)
        }
    }
}

/// What the clock says about a connection.
enum Lateness { case fine, idle, late, stalled }

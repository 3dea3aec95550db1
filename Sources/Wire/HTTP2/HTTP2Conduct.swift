import CNghttp2

/// How a client behaves on its connection beside what it asks: which of its frames end the connection. Knows no session
/// and no clock.
struct HTTP2Conduct {
    enum Verdict: Equatable {
        case fine
        /// The connection ends with this error code.
        case fault(nghttp2_error_code)
        /// It costs more than it carries.
        case tooMuch
    }

    private var budget: GlitchBudget
    private var order = StreamOrder()
    private var resetsThisSecond = 0
    private var secondBegan: UInt64
    private let resetsPerSecond: Int

    /// DATA with fewer bytes than this that does not end its stream carries next to nothing.
    private static let crumbs = 64

    /// Times in nanoseconds of any clock that does not go back.
    init(resetsPerSecond: Int, now: UInt64) {
        self.resetsPerSecond = resetsPerSecond
        budget = GlitchBudget(now: now)
        secondBegan = now
    }

    mutating func opened(_ stream: Int32) { order.opened(stream) }

    /// Bytes of bodies were sent or received.
    mutating func carried(_ bytes: Int) { budget.carried(bytes) }

    mutating func spend(_ glitch: GlitchBudget.Glitch, now: UInt64) -> Verdict {
        budget.spend(glitch, now: now) ? .fine : .tooMuch
    }

    /// HEADERS or DATA begin on a stream that is not open (RFC 9113, 5.1 and 5.1.1): libnghttp2 passes over some in
    /// silence.
    func began(on stream: Int32) -> Verdict {
        switch order.judge(stream) {
        case .new, .crossing: .fine
        case .skipped: .fault(NGHTTP2_PROTOCOL_ERROR)
        case .ended: .fault(NGHTTP2_STREAM_CLOSED)
        }
    }

    /// PRIORITY, which libnghttp2 passes over whatever its stream is (6.3).
    mutating func priority(on stream: Int32, now: UInt64) -> Verdict {
        stream == 0 ? .fault(NGHTTP2_PROTOCOL_ERROR) : spend(.priority, now: now)
    }

    mutating func data(length: Int, isEnd: Bool, now: UInt64) -> Verdict {
        !isEnd && length < Self.crumbs ? spend(.emptyData, now: now) : .fine
    }

    mutating func wasResetByPeer(now: UInt64) -> Verdict {
        if now &- secondBegan >= 1_000_000_000 { (secondBegan, resetsThisSecond) = (now, 0) }
        resetsThisSecond += 1
        let verdict = spend(.reset, now: now)
        return resetsThisSecond > resetsPerSecond ? .tooMuch : verdict
    }

    /// A frame broke a rule of its stream.
    mutating func refused(code: Int32, now: UInt64) -> Verdict {
        spend(code == NGHTTP2_ERR_REFUSED_STREAM.rawValue ? .refusedStream : .provokedReset, now: now)
    }

    /// This side has sent RST_STREAM.
    mutating func reset(_ stream: Int32, code: UInt32, now: UInt64) -> Verdict {
        order.wasReset(stream)
        switch code {
        case NGHTTP2_PROTOCOL_ERROR.rawValue, NGHTTP2_FLOW_CONTROL_ERROR.rawValue, NGHTTP2_STREAM_CLOSED.rawValue,
            NGHTTP2_FRAME_SIZE_ERROR.rawValue:
            return spend(.provokedReset, now: now)
        default: return .fine
        }
    }

    /// Any other frame of the peer that asks for nothing and yet makes work.
    mutating func received(type: UInt32, now: UInt64) -> Verdict {
        switch type {
        case NGHTTP2_PING.rawValue: spend(.ping, now: now)
        case NGHTTP2_SETTINGS.rawValue: spend(.settings, now: now)
        case NGHTTP2_WINDOW_UPDATE.rawValue: spend(.windowUpdate, now: now)
        case NGHTTP2_PRIORITY_UPDATE.rawValue: spend(.priority, now: now)
        default: .fine
        }
    }
}

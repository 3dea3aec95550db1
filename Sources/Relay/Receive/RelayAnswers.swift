import Cache
import HLS
import HTTP

/// Names one upstream of an edge.
package typealias SourceID = Int
/// Names one push under way.
package typealias PushID = UInt64

/// What a viewer is answered from what was pushed.
package enum RelayAnswer {
    case object(RelayObject)
    /// A segment, as its parts.
    case segment([RelayObject])
    /// A playlist: `isBlocking` when it was asked for by directives, `isStale` when no upstream feeds it any more.
    case playlist(RelayObject, isBlocking: Bool, targetDuration: Int, isStale: Bool)
}

/// Why a viewer gets nothing.
package enum RelayRefusal: Equatable, Sendable {
    case malformedDirective(reason: String, targetDuration: Int)
    case tooFarAhead(reason: String)
    /// Nothing new came in the time for which requests are held.
    case holdExpired(after: Duration)
    /// The hint did not come true.
    case hintFailed
}

/// What becomes of a viewer's request.
package enum RelayDecision {
    case answer(RelayAnswer)
    /// Wait: the answer comes as an effect.
    case held
    case refuse(RelayRefusal)
    /// Not what is pushed here, or nobody pushes it now: ask upstream.
    case pull
}

/// What the receiver wants done.
package enum RelayEffect {
    case answer(WaiterID, RelayAnswer)
    case refuse(WaiterID, RelayRefusal)
    /// Ask upstream for this waiter, as if it had just come.
    case pull(WaiterID)
    /// A playlist lists this and nobody pushes it: fetch it and report by `filled`.
    case fill(HTTPBytes)
    /// This push is not wanted any more.
    case cancel(PushID)
    /// The body has grown, ended or failed: whoever follows it wants to know.
    case grew(RelayObject)
    /// Something is coming that those who are pushed from here want.
    case publish(RelayObject)
    /// From now on requests for this rendition's playlist are answered here.
    case warmed(rendition: String)
}

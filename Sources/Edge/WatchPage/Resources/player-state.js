// What the watch page decides. It knows no document, no clock and no network: events and seconds go in, effects come out,
// and `view` is what the page shows.
//
//   asking ── live ──▶ opening ── the picture moves ──▶ playing ── the playlist has ended ──▶ ended
//     ▲ │                │   ▲                            │  │                                ▲   │
//     │ └── ended ───────┼───┼────────────────────────────┼──┼────────────────────────────────┘   │
//     │                  │   └── lost, and there again ───┘  │                                    │
//     └── cannot be ─────┘   ▲                               │                                    │
//         played             └───────────────────────────────┴── a new broadcast ─────────────────┘
//
// Events: begin; tick {sample}; answer {is, lacks, newest}; playlist {ended, gapAtEdge, newest, targetDuration};
//   fault {kind, isFatal, codec}; stall; seek {to}; blocked; noPlayer; goLive; retry; tap.
// Effects: ask; open; close; recover; jump {to}; rate {to}; play; pause; announce {state}.
// An answer `is` live, ended, notLive, unknown, or silent where none came that says so.
// A sample is the player as it is now: time, isPaused, isSeeking, isStarved, rate, `ranges`, what is buffered as [start, end],
// and where they are known `listed`, the end of the playlist, `edge`, where the stream is by now, `start` of the window,
// holdBack and part.

import { LiveDistance, LIVE_WITHIN } from "./live-distance.js";

/// A picture that stands this long is said to be buffering.
const STALL_SHOWN_AFTER = 1;
/// A server that is there brings a playlist more often than this.
const PLAYLIST_PATIENCE = 4;
/// A player that gets media shows it within this time.
const PICTURE_PATIENCE = 8;
const ANSWER_PATIENCE = 10;
const BETWEEN_RECOVERIES = 10;
const BETWEEN_ANNOUNCEMENTS = 5;

export class PlayerState {
  /// `random` gives numbers from 0 to 1: viewers of one stream must not all ask at once.
  constructor(random) {
    this.random = random;
    this.phase = "asking";
    /// Why there is nothing to play.
    this.refusal = null;
    this.codec = null;
    this.ask = { due: null, sentAt: null, wait: 0 };
    this.distance = new LiveDistance();
    this.hasPlayed = false;
    /// There is one, even if it does nothing any more.
    this.hasPlayer = false;
    this.announced = { state: null, at: -Infinity };
    this.view = { state: "loading" };
    this.reset(0);
  }

  /// A player that has just been opened has done nothing yet.
  reset(now) {
    this.distance.reset(now);
    this.movedAt = now;
    /// Since when a picture should move.
    this.expectedSince = now;
    /// It has not moved since it was paused.
    this.isPaused = false;
    this.isBlocked = false;
    /// The player has given up.
    this.isLost = false;
    this.mustRecover = false;
    this.recoveredAt = -Infinity;
    /// Since when requests fail, or none is answered.
    this.trouble = null;
    /// The publisher is away: the playlist lists gaps.
    this.gapAtEdge = false;
    /// The server answers, and never with anything new.
    this.standsStill = false;
    this.playlistAt = now;
    this.newsAt = now;
    this.newest = -1;
    this.targetDuration = 0;
  }

  receive(event, now) {
    const effects = [];
    this.handle(event, now, effects);
    if (effects.some((effect) => effect.do === "jump")) this.expectedSince = now;
    this.view = this.viewAt(now);
    const { state } = this.view;
    if (state !== this.announced.state && now - this.announced.at >= BETWEEN_ANNOUNCEMENTS) {
      this.announced = { state, at: now };
      effects.push({ do: "announce", state });
    }
    return effects;
  }

  handle(event, now, effects) {
    switch (event.type) {
      case "begin": return this.askNow(now, effects);
      case "tick": return this.tick(event.sample, now, effects);
      case "answer": return this.answered(event, now, effects);
      case "playlist": return this.playlistCame(event, now, effects);
      case "fault": return this.failed(event, now, effects);
      case "stall": return this.stalled(now);
      case "seek": return this.distance.seeked(event.to, now, effects);
      case "blocked": this.isBlocked = this.isOpen; return undefined;
      case "noPlayer": this.refusal = "no_player"; return undefined;
      case "goLive": return this.isOpen ? this.distance.goLive(this.isEdgeKnown(now), now, effects) : undefined;
      case "retry": this.ask.wait = 0; return this.askNow(now, effects);
      case "tap": return this.tapped(now, effects);
    }
    return undefined;
  }

  /// There is a player, and it plays or is about to.
  get isOpen() { return this.phase === "opening" || this.phase === "playing"; }

  // --- Is there a broadcast? ------------------------------------------------------------------------------------------

  askNow(now, effects) {
    this.ask.due = null;
    this.ask.sentAt = now;
    effects.push({ do: "ask" });
  }

  /// Soon at first, then every 2 to 10 seconds.
  askAgain(now, atLeast = 0.5) {
    this.ask.wait = Math.min(8, Math.max(atLeast, this.ask.wait * 1.5));
    this.ask.due = now + this.ask.wait * (1 + 0.25 * this.random());
  }

  answered({ is, lacks = [], newest = -1 }, now, effects) {
    this.ask.sentAt = null;
    const isGone = is === "notLive" || is === "unknown";
    if (is === "live") {
      if (lacks.length > 0) this.refuse("unsupported", now, effects, lacks[0]);
      else this.foundLive(newest, now, effects);
    } else if (is === "ended" || (isGone && (this.hasPlayed || this.phase === "ended"))) {
      this.end(now, effects);
    } else if (isGone) {
      this.refuse(is === "unknown" ? "not_found" : "not_started", now, effects);
    } else {
      // What is buffered plays on, and a broadcast that has ended has ended.
      if (this.isOpen) this.trouble ??= now;
      if (this.phase === "asking") this.refusal = "network";
      this.askAgain(now);
    }
  }

  foundLive(newest, now, effects) {
    const isAlive = this.isOpen && !this.isLost;
    if (isAlive && now - this.playlistAt <= PLAYLIST_PATIENCE) {
      this.trouble = null;
    } else if (isAlive && newest <= this.newest) {
      this.standsStill = true;
      this.trouble = null;
      this.playlistAt = now;
    } else {
      this.open(now, effects);
    }
  }

  open(now, effects) {
    this.phase = "opening";
    this.refusal = null;
    this.ask = { due: null, sentAt: null, wait: 0 };
    this.distance.isFollowing = true;
    this.reset(now);
    this.hasPlayer = true;
    effects.push({ do: "open" });
  }

  refuse(reason, now, effects, codec = null) {
    if (this.hasPlayer) effects.push({ do: "close" });
    this.hasPlayer = false;
    this.phase = "asking";
    this.refusal = reason;
    this.codec = codec;
    // The others change only when somebody does something about them.
    this.askAgain(now, reason === "not_started" ? 0.5 : 8);
  }

  /// The last picture stays, and so does this state until there is another broadcast.
  end(now, effects) {
    if (this.phase !== "ended") this.ask.wait = 0;
    if (this.isOpen) this.distance.setRate(1, effects);
    this.phase = "ended";
    this.askAgain(now, 2);
  }

  // --- What the player says -------------------------------------------------------------------------------------------

  playlistCame({ ended, gapAtEdge = false, newest = -1, targetDuration = 0 }, now, effects) {
    if (!this.isOpen) return;
    this.playlistAt = now;
    this.targetDuration = targetDuration;
    this.gapAtEdge = gapAtEdge;
    this.trouble = null;
    if (newest > this.newest) this.newsAt = now;
    this.standsStill = now - this.newsAt > this.playlistPatience;
    this.newest = Math.max(this.newest, newest);
    if (ended) this.end(now, effects);
  }

  get playlistPatience() { return Math.max(PLAYLIST_PATIENCE, 1.5 * this.targetDuration); }

  failed({ kind, isFatal, codec = null }, now, effects) {
    if (!this.isOpen) return;
    if (kind === "codec") { this.refuse("unsupported", now, effects, codec); return; }
    if (kind === "network") this.trouble ??= now;
    if (!isFatal) return;
    if (kind === "media" && now - this.recoveredAt > BETWEEN_RECOVERIES) {
      this.recoveredAt = now;
      this.mustRecover = true;
    } else {
      this.lose(now);
    }
  }

  tapped(now, effects) {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    this.movedAt = now;
    effects.push({ do: "play" });
  }

  lose(now) {
    this.isLost = true;
    if (this.ask.sentAt === null && this.ask.due === null) this.askAgain(now);
  }

  stalled(now) {
    // Neither a publisher that is away nor a server that is says anything of the network's jitter.
    if (this.phase === "playing" && !this.gapAtEdge && this.trouble === null) this.distance.stalled(now);
  }

  // --- Time -----------------------------------------------------------------------------------------------------------

  tick(sample, now, effects) {
    if (this.ask.sentAt !== null && now - this.ask.sentAt > ANSWER_PATIENCE) this.ask.sentAt = null;
    if (this.ask.due !== null && now >= this.ask.due && this.ask.sentAt === null) this.askNow(now, effects);
    if (this.phase === "ended" && this.hasPlayer && sample) this.watchEnd(sample, now, effects);
    if (!this.isOpen || !sample) return;
    if (this.mustRecover) {
      this.mustRecover = false;
      this.distance.rate = 1;
      effects.push({ do: "recover" });
      return;
    }
    this.watchMovement(sample, now);
    this.watchSilence(now, effects);
    if (this.phase !== "playing" || this.isBlocked || sample.isPaused || sample.isSeeking) return;
    this.distance.keep(this.isEdgeKnown(now), now, effects);
  }

  watchMovement(sample, now) {
    const hasMoved = this.distance.moved(sample);
    if (sample.isPaused) {
      this.isPaused = true;
      this.movedAt = now;
    }
    const isExcused = this.isBlocked || this.gapAtEdge || this.standsStill || this.trouble !== null;
    if (hasMoved || sample.isPaused || isExcused) this.expectedSince = now;
    if (!hasMoved) return;
    this.movedAt = now;
    this.isPaused = false;
    this.isBlocked = false;
    if (this.phase === "opening") {
      this.phase = "playing";
      this.hasPlayed = true;
      this.distance.settle(now);
    }
  }

  /// After the last picture a player that still plays would wait for more, and say so.
  watchEnd(sample, now, effects) {
    if (this.distance.moved(sample) || sample.isPaused || sample.isSeeking) this.movedAt = now;
    if (now - this.movedAt <= STALL_SHOWN_AFTER) return;
    this.movedAt = now;
    effects.push({ do: "pause" });
  }

  /// Whoever hears nothing of the stream asks whether it is there; whoever gets no picture from it begins again.
  watchSilence(now, effects) {
    if (this.ask.sentAt !== null || this.ask.due !== null) return;
    if (now - this.playlistAt > this.playlistPatience) {
      if (!this.standsStill) this.trouble ??= now;
      this.askNow(now, effects);
    } else if (now - this.expectedSince > PICTURE_PATIENCE) {
      this.lose(now);
    }
  }

  /// Whether the stream is where the last playlist says, or a little further.
  isEdgeKnown(now) {
    return !this.gapAtEdge && !this.standsStill && this.trouble === null
      && now - this.playlistAt < Math.max(2, this.targetDuration);
  }

  // --- What is shown --------------------------------------------------------------------------------------------------

  viewAt(now) {
    const state = this.stateAt(now);
    const isFar = this.isOpen && this.distance.isBeyond(LIVE_WITHIN, now);
    return {
      state,
      /// Whole seconds; null where it is live, or nobody knows.
      behind: state === "behind" || isFar ? Math.round(this.distance.seconds) : null,
      codec: this.codec,
      canGoLive: state === "behind" || (state === "paused" && isFar),
      canRetry: state === "network" || state === "no_player",
      isMoving: state === "live" || state === "behind",
    };
  }

  stateAt(now) {
    if (this.phase === "ended") return "ended";
    if (this.phase === "asking") return this.refusal ?? "loading";
    if (this.isBlocked) return "blocked";
    const stood = now - this.movedAt;
    if (this.phase === "playing" && this.isPaused && stood <= STALL_SHOWN_AFTER) return "paused";
    if ((this.gapAtEdge || this.standsStill) && stood > 0.3) return "interrupted";
    if (this.phase === "opening" || stood > STALL_SHOWN_AFTER) {
      if (this.isLost || this.trouble !== null) return "network";
      return this.phase === "opening" && stood < 2 ? "loading" : "buffering";
    }
    // Not to and fro at the border.
    return this.distance.isBeyond(this.view.state === "behind" ? LIVE_WITHIN / 2 : LIVE_WITHIN, now) ? "behind" : "live";
  }
}
